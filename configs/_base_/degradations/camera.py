# A dark photo from a camera: strong shot and read noise, developed, smoothed, with part of its colour removed.
degradation = dict(type='CameraNoise', shot=0.02, read=8e-4, smooth=0.6, chroma=0.7, quantise=True)

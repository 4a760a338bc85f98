# A noisy scan (sigma 25) stored as a small JPEG.
degradation = dict(
    type='DegradationChain', steps=[dict(type='GaussianNoise', sigma=25, quantise=True), dict(type='JPEG', quality=30)]
)

# A noisy photo (sigma 25) that was stored as JPEG.
degradation = dict(
    type='DegradationChain',
    steps=[dict(type='GaussianNoise', sigma=25, quantise=True), dict(type='JPEG', quality=40)],
)

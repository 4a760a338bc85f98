# A page photographed in poor light: noise of the raw data, developed, and stored as JPEG.
degradation = dict(
    type='DegradationChain',
    steps=[
        dict(type='CameraNoise', shot=2e-2, read=2e-4, smooth=0.4, chroma=0.8, tone=0.7, quantise=True),
        dict(type='JPEG', quality=90),
    ],
)

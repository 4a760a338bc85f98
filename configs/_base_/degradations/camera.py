# A photo from a camera at a high ISO: noise of the raw data, developed, its colour strong and blurred, and stored as
# JPEG.
degradation = dict(
    type='DegradationChain',
    steps=[
        dict(
            type='CameraNoise', shot=6e-3, read=5e-5, smooth=0.4, chroma=1.6, chroma_smooth=1.5, tone=0.7, quantise=True
        ),
        dict(type='JPEG', quality=95),
    ],
)

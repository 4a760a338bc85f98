# What photos suffer: noise of several kinds, blur, low resolution, low light, haze, low contrast, JPEG. Four in ten
# suffer two of these, one in ten none. Strengths are drawn for each image.
noises = [
    dict(type='GaussianNoise', sigma=(0, 60), grey=True),
    dict(type='PoissonGaussianNoise', gain=(0.001, 0.04), read=(0, 0.06)),
    dict(
        type='CameraNoise',
        shot=(4e-4, 3e-2),
        smooth=(0, 1.0),
        chroma=(0.4, 3.0),
        chroma_smooth=(0.0, 3.5),
        tone=(0.0, 1.0),
        quantise=True,
    ),
]
others = [
    dict(type='DefocusBlur', radius=(0.5, 4.0)),
    dict(type='GaussianBlur', sigma=(0.3, 2.5)),
    dict(type='MotionBlur', length=(1.0, 12.0)),
    dict(type='LowResolution', factor=(1.0, 4.0)),
    dict(type='LowLight', exposure=(0.05, 0.6)),
    dict(type='Haze', density=(0.2, 1.6)),
    dict(type='LowContrast', factor=(0.2, 0.9)),
]
jpeg = dict(type='JPEG', quality=(15, 90))
any_noise = dict(type='RandomDegradation', choices=noises)
any_other = dict(type='RandomDegradation', choices=others)
degradation = dict(
    type='RandomDegradation',
    choices=[
        any_noise,
        any_other,
        jpeg,
        dict(type='DegradationChain', steps=[any_noise, jpeg]),
        dict(type='DegradationChain', steps=[any_other, any_noise]),
        dict(type='DegradationChain', steps=[any_other, jpeg]),
        dict(type='GaussianNoise', sigma=0),
    ],
    weights=[0.2, 0.2, 0.1, 0.2, 0.1, 0.1, 0.1],
)

# What a denoiser may meet: white noise, a sensor's, a camera's, and noise that was stored as JPEG.
degradation = dict(
    _delete_=True,  # replaces the degradation of a config that inherits this file
    type='RandomDegradation',
    choices=[
        dict(type='GaussianNoise', sigma=(0, 60)),
        dict(type='PoissonGaussianNoise', gain=(0.001, 0.04), read=(0, 0.06)),
        dict(type='CameraNoise', shot=(1e-3, 3e-2), smooth=(0, 1.0), chroma=(0.4, 1.0), quantise=True),
        dict(
            type='DegradationChain',
            steps=[dict(type='GaussianNoise', sigma=(5, 40), quantise=True), dict(type='JPEG', quality=(25, 90))],
        ),
    ],
)

# For recognition under white noise, a sensor's, a camera's and JPEG, with clean photos among them, from the weights for
# white noise: python -m projects.zoo train recognition-universal.
_base_ = './recognition_blind.py'
max_iters = 1000
model = dict(
    degradation=dict(
        _delete_=True,
        type='RandomDegradation',
        choices=[
            dict(type='GaussianNoise', sigma=(0, 60), grey=True),
            dict(type='PoissonGaussianNoise', gain=(0.001, 0.04), read=(0, 0.06)),
            dict(type='CameraNoise', shot=(1e-3, 3e-2), smooth=(0, 1.0), chroma=(0.4, 1.0), quantise=True),
            dict(
                type='DegradationChain',
                steps=[dict(type='GaussianNoise', sigma=(5, 40), quantise=True), dict(type='JPEG', quality=(25, 90))],
            ),
            dict(type='GaussianNoise', sigma=(0, 5), grey=True),
        ],
        weights=[0.3, 0.2, 0.2, 0.2, 0.1],
    ),
    compile=False,
)
train_dataloader = dict(batch_size=6, dataset=dict(seeded_noise=True))
load_from = 'zoo:recognition-blind'
optim_wrapper = dict(optimizer=dict(lr=1e-4, fused=False))
train_cfg = dict(max_iters=max_iters, val_interval=max_iters)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, begin=0, end=50, by_epoch=False),
    dict(type='CosineAnnealingLR', eta_min_ratio=1e-3, begin=50, end=max_iters, T_max=max_iters - 50, by_epoch=False),
]

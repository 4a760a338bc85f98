# For photographs of any camera, without a known noise level: from blind weights (load_from), on noise that went through a camera
# (docs/degradations.md). Twenty minutes on two CPU cores with --amp. On photographs: tools/test.py configs/evaluation/cc15.py CKPT.
_base_ = './multiscale_blind_refined.py'
max_iters = 2500
camera = dict(type='CameraNoise', shot=(1e-4, 1.2e-2), smooth=(0.3, 1.2), chroma=(0.3, 1.0), quantise=True)
model = dict(
    degradation=dict(
        _delete_=True,
        type='RandomDegradation',
        choices=[
            camera,
            dict(type='DegradationChain', steps=[camera, dict(type='JPEG', quality=(80, 98))]),
            dict(type='GaussianNoise', sigma=(0, 30)),
        ],
        weights=[0.6, 0.25, 0.15],
    )
)
load_from = 'zoo:multiscale-blind'
train_cfg = dict(max_iters=max_iters, val_interval=max_iters)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, begin=0, end=100, by_epoch=False),
    dict(type='CosineAnnealingLR', eta_min_ratio=1e-3, begin=100, end=max_iters, T_max=max_iters - 100, by_epoch=False),
]

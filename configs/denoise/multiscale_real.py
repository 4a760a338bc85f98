# For photographs of any camera, without a known noise level: from blind weights (load_from), on noise that went through a camera
# (docs/degradations.md). Twenty minutes on two CPU cores with --amp. On photographs: tools/test.py configs/evaluation/cc15.py CKPT.
_base_ = './multiscale_blind_refined.py'
max_iters = 4000
# What cameras leave is fine noise and, where they have smoothed it, blotches.
fine = dict(type='CameraNoise', shot=(2e-4, 1e-2), smooth=(0.2, 0.9), chroma=(0.3, 1.0))
blotches = dict(type='CameraNoise', shot=(5e-4, 2e-2), smooth=(1.0, 3.0), chroma=(0.5, 1.0), quantise=True)
model = dict(
    degradation=dict(
        _delete_=True,
        type='RandomDegradation',
        choices=[
            dict(type='DegradationChain', steps=[fine, blotches]),
            dict(type='DegradationChain', steps=[fine, blotches, dict(type='JPEG', quality=(85, 98))]),
            dict(type='GaussianNoise', sigma=(0, 20)),
        ],
        weights=[0.65, 0.25, 0.1],
    )
)
load_from = 'zoo:multiscale-blind'
train_cfg = dict(max_iters=max_iters, val_interval=max_iters)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, begin=0, end=100, by_epoch=False),
    dict(type='CosineAnnealingLR', eta_min_ratio=1e-3, begin=100, end=max_iters, T_max=max_iters - 100, by_epoch=False),
]

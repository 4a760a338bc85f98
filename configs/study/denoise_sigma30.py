# Run the first step of the study in docs/results.md: sigma 30 alone, in half an hour on two CPU cores with --amp.
_base_ = '../denoise/multiscale_sigma25_short.py'
max_iters = 4000
model = dict(degradation=dict(sigma=30))
train_cfg = dict(max_iters=max_iters, val_interval=max_iters)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, begin=0, end=200, by_epoch=False),
    dict(type='CosineAnnealingLR', eta_min_ratio=1e-3, begin=200, end=max_iters, T_max=max_iters - 200, by_epoch=False),
]

# What closes the last tenth of a decibel at sigma 25: an hour of a CPU core from the published weights. The runs of
# projects/zoo/plan.py differ in one thing each.
_base_ = '../zoo/sigma_short.py'
max_iters = 6000
load_from = 'zoo:multiscale-sigma25'
train_cfg = dict(max_iters=max_iters, val_interval=max_iters)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, begin=0, end=50, by_epoch=False),
    dict(type='CosineAnnealingLR', eta_min_ratio=1e-3, begin=50, end=max_iters, T_max=max_iters - 50, by_epoch=False),
]

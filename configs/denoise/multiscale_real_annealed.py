# Finish multiscale_real.py from its weights (load_from), with a learning rate that falls to zero.
_base_ = './multiscale_real.py'
max_iters = 1000
load_from = None
train_cfg = dict(max_iters=max_iters)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, begin=0, end=50, by_epoch=False),
    dict(type='CosineAnnealingLR', eta_min_ratio=1e-3, begin=50, end=max_iters, T_max=max_iters - 50, by_epoch=False),
]

# Train for sigma 30 from weights of sigma 25 (load_from), in a quarter of an hour on two CPU cores with --amp.
_base_ = './multiscale_sigma25_refined.py'
max_iters = 2500
model = dict(degradation=dict(sigma=30))
train_cfg = dict(max_iters=max_iters, val_interval=max_iters)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, begin=0, end=100, by_epoch=False),
    dict(type='CosineAnnealingLR', eta_min_ratio=1e-3, begin=100, end=max_iters, T_max=max_iters - 100, by_epoch=False),
]

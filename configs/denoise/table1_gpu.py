# Train a row of Table I (sigma 35) with a short schedule on one GPU; projects/zoo/train.sh --gpu chooses the row.
_base_ = './multiscale_sigma25_gpu.py'
max_iters = 10_000
model = dict(degradation=dict(sigma=35))
train_cfg = dict(max_iters=max_iters, val_interval=max_iters)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, begin=0, end=500, by_epoch=False),
    dict(type='CosineAnnealingLR', eta_min_ratio=1e-3, begin=500, end=max_iters, T_max=max_iters - 500, by_epoch=False),
]

# From trained weights: the modern schedule with a short warm-up, for as long as two CPU cores allow.
_base_ = './denoise_modern.py'
max_iters = 6000
train_cfg = dict(max_iters=max_iters, val_interval=max_iters)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, begin=0, end=100, by_epoch=False),
    dict(type='CosineAnnealingLR', eta_min_ratio=1e-3, begin=100, end=max_iters, T_max=max_iters - 100, by_epoch=False),
]
custom_hooks = [dict(type='EMAHook', momentum=2e-3, update_buffers=True)]

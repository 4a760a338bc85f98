# What an hour on two CPU cores with --amp allows: the modern schedule, squeezed.
_base_ = './denoise_modern.py'
max_iters = 7000
train_cfg = dict(max_iters=max_iters, val_interval=max_iters)
optim_wrapper = dict(optimizer=dict(lr=2e-3))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, begin=0, end=200, by_epoch=False),
    dict(type='CosineAnnealingLR', eta_min_ratio=1e-3, begin=200, end=max_iters, T_max=max_iters - 200, by_epoch=False),
]
custom_hooks = [dict(type='EMAHook', momentum=2e-3, update_buffers=True)]
auto_scale_lr = dict(base_batch_size=32)  # --auto-scale-lr: for another batch

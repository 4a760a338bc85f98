# AdamW, warm-up and cosine, EMA, L1: not the paper's schedule, and far shorter.
train_cfg = dict(type='IterBasedTrainLoop', max_iters=100_000, val_interval=10_000)
optim_wrapper = dict(
    type='OptimWrapper',
    constructor='MergedGroupsConstructor',
    optimizer=dict(type='AdamW', lr=1e-3, betas=(0.9, 0.99), weight_decay=1e-4),
    paramwise_cfg=dict(norm_decay_mult=0.0, bias_decay_mult=0.0),
    clip_grad=dict(max_norm=1.0),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, begin=0, end=500, by_epoch=False),
    dict(type='CosineAnnealingLR', eta_min_ratio=1e-3, begin=500, end=100_000, T_max=99_500, by_epoch=False),
]
custom_hooks = [dict(type='EMAHook', momentum=1e-3, update_buffers=True)]

# Seconds to minutes on two CPU cores.
train_cfg = dict(type='IterBasedTrainLoop', max_iters=240, val_interval=1000)
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=2e-3, betas=(0.9, 0.99), weight_decay=0.0),
    clip_grad=dict(max_norm=1.0),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.05, begin=0, end=30, by_epoch=False),
    dict(type='CosineAnnealingLR', eta_min_ratio=0.01, begin=30, end=240, T_max=210, by_epoch=False),
]

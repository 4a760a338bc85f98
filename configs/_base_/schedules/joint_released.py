# The paper prints no schedule for the joint training; this is the released code's for classification.
train_cfg = dict(type='IterBasedTrainLoop', max_iters=260_000, val_interval=20_000)
optim_wrapper = dict(
    type='OptimWrapper',
    constructor='MergedGroupsConstructor',
    optimizer=dict(type='SGD', lr=1e-5, momentum=0.9, weight_decay=5e-4),
    paramwise_cfg=dict(custom_keys={'denoiser.tail': dict(lr_mult=0.1)}),
    clip_grad=dict(max_norm=100.0),
)
param_scheduler = dict(type='MultiStepLR', milestones=[80_000, 180_000], gamma=0.1, by_epoch=False)
auto_scale_lr = dict(base_batch_size=10)  # --auto-scale-lr: for another batch

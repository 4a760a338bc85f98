# The paper prints no schedule for the joint training; this is the released code's for segmentation.
train_cfg = dict(type='IterBasedTrainLoop', max_iters=80_000, val_interval=10_000)
optim_wrapper = dict(
    type='OptimWrapper',
    constructor='MergedGroupsConstructor',
    optimizer=dict(type='SGD', lr=1e-3, momentum=0.9, weight_decay=5e-4),
    paramwise_cfg=dict(custom_keys={'denoiser.tail': dict(lr_mult=0.1)}),
    clip_grad=dict(max_norm=100.0),
)
param_scheduler = dict(type='MultiStepLR', milestones=[12_000, 60_000], gamma=0.2, by_epoch=False)
auto_scale_lr = dict(base_batch_size=6)  # --auto-scale-lr: for another batch

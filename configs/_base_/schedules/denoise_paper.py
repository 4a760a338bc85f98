# As printed: 1.5 M iterations at batch 32, learning rate 1e-4, a tenth of it after each 500 k. Momentum, weight decay,
# gradient clipping and the last convolution's learning rate are the released code's, since the paper does not say.
train_cfg = dict(type='IterBasedTrainLoop', max_iters=1_500_000, val_interval=50_000)
optim_wrapper = dict(
    type='OptimWrapper',
    constructor='MergedGroupsConstructor',
    optimizer=dict(type='SGD', lr=1e-4, momentum=0.9, weight_decay=5e-4),
    paramwise_cfg=dict(custom_keys={'denoiser.tail': dict(lr_mult=0.1)}),
    clip_grad=dict(max_norm=100.0),
)
param_scheduler = dict(type='MultiStepLR', milestones=[500_000, 1_000_000], gamma=0.1, by_epoch=False)
auto_scale_lr = dict(base_batch_size=32)  # --auto-scale-lr: for another batch

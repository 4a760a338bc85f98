# Train the detector itself on clean photos, in twenty minutes on two CPU cores with --amp.
_base_ = ['../_base_/default_runtime.py', '../_base_/datasets/voc2012_boxes.py']
max_iters = 800
model = dict(
    type='DetectorTraining',
    detector=dict(name='fcos_efficientnet_lite0', num_classes=7, backbone='efficientnet-lite0'),
    data_preprocessor=dict(type='ImagePreprocessor', channel_order='rgb'),
)
val_evaluator = dict(type='ScoreMetric', score='CocoAP')
test_evaluator = val_evaluator
default_hooks = dict(checkpoint=dict(interval=400))
train_cfg = dict(type='IterBasedTrainLoop', max_iters=max_iters, val_interval=400)
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=5e-4, weight_decay=0.05),
    paramwise_cfg=dict(norm_decay_mult=0.0, bias_decay_mult=0.0, custom_keys={'backbone.body': dict(lr_mult=0.2)}),
    clip_grad=dict(max_norm=5.0),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, begin=0, end=100, by_epoch=False),
    dict(type='CosineAnnealingLR', eta_min_ratio=0.01, begin=100, end=max_iters, T_max=max_iters - 100, by_epoch=False),
]
custom_hooks = [dict(type='EMAHook', ema_type='ExponentialMovingAverage', momentum=5e-3, update_buffers=True)]

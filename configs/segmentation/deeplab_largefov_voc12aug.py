# Train DeepLab-LargeFOV itself on clean photos, from VGG-16's ImageNet weights: the network that
# configs/joint/denoise_deeplab_* freeze. Schedule of Chen et al. (ICLR 2015) with the polynomial decay of their later
# work: crop 321, SGD. They start fc6 and fc7 from VGG's and learn the classifier at ten times the rate; here the whole
# head starts at random, at ten times the rate.
_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/tasks/deeplab_largefov.py',
    '../_base_/datasets/voc2012aug.py',
]
model = {{_base_.task.model}}
# Loaded as BGR, which the preprocessing of OpenMMLab's models expects.
train_dataloader = dict(
    batch_size=10,
    dataset=dict(
        dataset=dict(
            pipeline=[
                dict(type='LoadPhoto', channel_order='bgr'),
                dict(type='LoadLabelMap'),
                dict(type='RandomCrop', crop_size=321, pad_if_needed=True),
                dict(type='RandomFlip', prob=0.5, direction='horizontal'),
                dict(type='mmseg.PackSegInputs'),
            ]
        )
    ),
)
evaluation = dict(
    dataset=dict(
        pipeline=[
            dict(type='LoadPhoto', channel_order='bgr'),
            dict(type='LoadLabelMap'),
            dict(type='mmseg.PackSegInputs'),
        ]
    )
)
val_dataloader = evaluation
test_dataloader = evaluation
val_evaluator = [dict(type='mmseg.IoUMetric', iou_metrics=['mIoU'])]
test_evaluator = [dict(type='mmseg.IoUMetric', iou_metrics=['mIoU'])]
train_cfg = dict(type='IterBasedTrainLoop', max_iters=20_000, val_interval=5_000)
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=1e-3, momentum=0.9, weight_decay=5e-4),
    paramwise_cfg=dict(custom_keys={'decode_head': dict(lr_mult=10.0)}),
)
param_scheduler = dict(type='PolyLR', power=0.9, begin=0, end=20_000, by_epoch=False)

# Train DeepLab-LargeFOV itself on 300 clean photos of VOC at half size, from the VGG-16 of Tiny ImageNet: the network
# that joint/denoise_largefov_voc2012_sigma30.py freezes. Ten minutes on two CPU cores with --amp.
_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/tasks/deeplab_largefov_tiny_imagenet.py',
    '../_base_/datasets/voc2012_small.py',
]
model = {{_base_.task.model}}
# Loaded as BGR, which the preprocessing of OpenMMLab's models expects.
train_dataloader = dict(
    batch_size=8,
    dataset=dict(
        dataset=dict(
            pipeline=[
                dict(type='LoadPhoto', channel_order='bgr'),
                dict(type='LoadLabelMap'),
                dict(
                    type='RandomResize',
                    scale=(240, 180),
                    ratio_range=(0.75, 1.5),
                    keep_ratio=True,
                    interpolation='area',
                ),
                dict(type='RandomCrop', crop_size=176, pad_if_needed=True),
                dict(type='RandomFlip', prob=0.5, direction='horizontal'),
                dict(type='mmseg.PackSegInputs'),
            ]
        )
    ),
)
evaluation = dict(
    batch_size=1,
    num_workers=1,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='mmseg.PascalVOCDataset',
        data_root='{{$SEMRESTORE_DATA:data}}/voc2012',
        data_prefix=dict(img_path='JPEGImages', seg_map_path='SegmentationClass'),
        ann_file='ImageSets/Segmentation/val.txt',
        pipeline=[
            dict(type='LoadPhoto', channel_order='bgr'),
            dict(type='Resize', scale=(240, 180), keep_ratio=True, interpolation='area'),
            dict(type='LoadLabelMap'),
            dict(type='mmseg.PackSegInputs'),
        ],
    ),
)
val_dataloader = evaluation
test_dataloader = evaluation
val_evaluator = [dict(type='mmseg.IoUMetric', iou_metrics=['mIoU'])]
test_evaluator = val_evaluator
val_cfg = dict(type='ValLoop')
max_iters = 500
train_cfg = dict(type='IterBasedTrainLoop', max_iters=max_iters, val_interval=max_iters)
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=2e-3, momentum=0.9, weight_decay=5e-4),
    paramwise_cfg=dict(custom_keys={'decode_head': dict(lr_mult=10.0)}),
)
param_scheduler = dict(type='PolyLR', power=0.9, begin=0, end=max_iters, by_epoch=False)

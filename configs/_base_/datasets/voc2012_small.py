# Pascal VOC 2012 at about half its size, where things are as large as those that a network of Tiny ImageNet has
# learned: the 300 labelled photos of voc2012's train list, and its val list, whose predictions are judged at the
# photos' own size.
data_root = '{{$SEMRESTORE_DATA:data}}/voc2012'
train_dataloader = dict(
    batch_size=2,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='StreamSampler', shuffle=True),
    collate_fn=dict(type='pseudo_collate'),
    dataset=dict(
        type='StreamDataset',
        dataset=dict(
            type='mmseg.PascalVOCDataset',
            data_root=data_root,
            data_prefix=dict(img_path='JPEGImages', seg_map_path='SegmentationClass'),
            ann_file='ImageSets/Segmentation/train.txt',
            pipeline=[
                dict(type='LoadPhoto', cache=True),
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
                dict(type='mmseg.PackSegInputs', meta_keys=('img_path', 'ori_shape', 'img_shape')),
            ],
        ),
    ),
)
test_dataloader = dict(
    batch_size=1,
    num_workers=1,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='mmseg.PascalVOCDataset',
        data_root=data_root,
        data_prefix=dict(img_path='JPEGImages', seg_map_path='SegmentationClass'),
        ann_file='ImageSets/Segmentation/val.txt',
        pipeline=[
            dict(type='LoadPhoto'),
            dict(type='Resize', scale=(240, 180), keep_ratio=True, interpolation='area'),
            dict(type='LoadLabelMap'),
            dict(type='mmseg.PackSegInputs', meta_keys=('img_path', 'ori_shape', 'img_shape')),
        ],
    ),
)
test_evaluator = [dict(type='ImageQuality'), dict(type='mmseg.IoUMetric', iou_metrics=['mIoU'])]
test_cfg = dict(type='TestLoop')

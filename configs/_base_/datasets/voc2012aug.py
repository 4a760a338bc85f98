# Pascal VOC 2012 with the labels of SBD (Hariharan et al., ICCV 2011): 10,582 photos to train on, VOC's 1,449 to
# evaluate (docs/data.md).
data_root = '{{$SEMRESTORE_DATA:data}}/voc2012'
train_dataloader = dict(
    batch_size=6,  # of the released code, as the crop
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='StreamSampler', shuffle=True),
    collate_fn=dict(type='pseudo_collate'),
    dataset=dict(
        type='StreamDataset',
        dataset=dict(
            type='mmseg.PascalVOCDataset',
            data_root=data_root,
            data_prefix=dict(img_path='JPEGImages', seg_map_path='SegmentationClassAug'),
            ann_file='ImageSets/Segmentation/trainaug.txt',
            pipeline=[
                dict(type='LoadPhoto'),
                dict(type='LoadLabelMap'),
                dict(type='RandomCrop', crop_size=321, pad_if_needed=True),
                dict(type='RandomFlip', prob=0.5, direction='horizontal'),
                dict(type='mmseg.PackSegInputs', meta_keys=('img_path', 'ori_shape', 'img_shape')),
            ],
        ),
    ),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='mmseg.PascalVOCDataset',
        data_root=data_root,
        data_prefix=dict(img_path='JPEGImages', seg_map_path='SegmentationClass'),
        ann_file='ImageSets/Segmentation/val.txt',
        pipeline=[
            dict(type='LoadPhoto'),
            dict(type='LoadLabelMap'),
            dict(type='mmseg.PackSegInputs', meta_keys=('img_path', 'ori_shape', 'img_shape')),
        ],
    ),
)
test_dataloader = val_dataloader
val_evaluator = [dict(type='ImageQuality'), dict(type='mmseg.IoUMetric', iou_metrics=['mIoU'])]
test_evaluator = val_evaluator
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')

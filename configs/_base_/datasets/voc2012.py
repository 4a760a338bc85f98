# Pascal VOC 2012 val, whole photos at their own size: docs/data.md has the folder tree.
test_dataloader = dict(
    batch_size=1,
    num_workers=1,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='mmseg.PascalVOCDataset',
        data_root='{{$SEMRESTORE_DATA:data}}/voc2012',
        data_prefix=dict(img_path='JPEGImages', seg_map_path='SegmentationClass'),
        ann_file='ImageSets/Segmentation/val.txt',
        pipeline=[dict(type='LoadPhoto'), dict(type='LoadLabelMap'), dict(type='mmseg.PackSegInputs')],
    ),
)
test_evaluator = [dict(type='ImageQuality'), dict(type='mmseg.IoUMetric', iou_metrics=['mIoU'])]
test_cfg = dict(type='TestLoop')

# Six of VOC's classes that 300 photos have enough of; boxes from the masks.
data_root = '{{$SEMRESTORE_DATA:data}}/voc2012'
classes = ('cat', 'cow', 'dog', 'horse', 'person', 'sheep')
train_dataloader = dict(
    batch_size=8,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='StreamSampler', shuffle=True),
    collate_fn=dict(type='pseudo_collate'),
    dataset=dict(
        type='StreamDataset',
        dataset=dict(
            type='VOCBoxes',
            data_root=data_root,
            split='train',
            classes=classes,
            pipeline=[
                dict(type='LoadPhoto', cache=True),
                dict(type='BoxesFromMask'),
                dict(type='mmcv.RandomFlip', prob=0.5),
                dict(type='mmcv.Resize', scale=(320, 320), keep_ratio=True),
                dict(type='mmcv.Pad', size=(320, 320)),
                dict(type='PackBoxes'),
            ],
        ),
    ),
)
test_dataloader = dict(
    batch_size=1,
    num_workers=1,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='VOCBoxes',
        data_root=data_root,
        split='val',
        classes=classes,
        pipeline=[dict(type='LoadPhoto'), dict(type='BoxesFromMask'), dict(type='PackBoxes')],
    ),
)
val_dataloader = test_dataloader
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')

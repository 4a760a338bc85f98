# ILSVRC2012 by VGG's protocol: short side 256, crop 224, mirror (docs/data.md has the folder tree).
data_root = '{{$SEMRESTORE_DATA:data}}/imagenet'
train_dataloader = dict(
    batch_size=10,  # of the released code
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='StreamSampler', shuffle=True),
    collate_fn=dict(type='default_collate'),
    dataset=dict(
        type='StreamDataset',
        dataset=dict(
            type='mmpretrain.ImageNet',
            data_root=data_root,
            split='train',
            pipeline=[
                dict(type='LoadPhoto'),
                dict(type='mmpretrain.ResizeEdge', scale=256, edge='short', backend='pillow'),
                dict(type='mmpretrain.RandomCrop', crop_size=224),
                dict(type='RandomFlip', prob=0.5, direction='horizontal'),
                dict(type='mmpretrain.PackInputs'),
            ],
        ),
    ),
)
val_dataloader = dict(
    batch_size=32,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='mmpretrain.ImageNet',
        data_root=data_root,
        split='val',
        pipeline=[
            dict(type='LoadPhoto'),
            dict(type='mmpretrain.ResizeEdge', scale=256, edge='short', backend='pillow'),
            dict(type='mmpretrain.CenterCrop', crop_size=224),
            dict(type='mmpretrain.PackInputs'),
        ],
    ),
)
test_dataloader = val_dataloader
val_evaluator = [dict(type='ImageQuality'), dict(type='mmpretrain.Accuracy', topk=(1, 5))]
test_evaluator = val_evaluator
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')

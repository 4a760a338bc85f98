# Tiny ImageNet: 200 classes of ImageNet at 64 x 64, whole images (docs/data.md says how to unpack the archives).
data_root = '{{$SEMRESTORE_DATA:data}}/tiny_imagenet'
train_dataloader = dict(
    batch_size=16,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='StreamSampler', shuffle=True),
    collate_fn=dict(type='default_collate'),
    dataset=dict(
        type='StreamDataset',
        dataset=dict(
            type='mmpretrain.CustomDataset',
            data_root=data_root,
            data_prefix='train',
            extensions=('.webp', '.jpeg', '.png'),
            pipeline=[
                dict(type='LoadPhoto'),
                dict(type='RandomFlip', prob=0.5, direction='horizontal'),
                dict(type='mmpretrain.PackInputs'),
            ],
        ),
    ),
)
test_dataloader = dict(
    batch_size=50,
    num_workers=1,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='mmpretrain.CustomDataset',
        data_root=data_root,
        data_prefix='val',
        extensions=('.webp', '.jpeg', '.png'),
        pipeline=[dict(type='LoadPhoto'), dict(type='mmpretrain.PackInputs')],
    ),
)
test_evaluator = [dict(type='ImageQuality'), dict(type='mmpretrain.Accuracy', topk=(1, 5))]
test_cfg = dict(type='TestLoop')

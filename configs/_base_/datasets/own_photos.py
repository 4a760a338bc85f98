# A folder of photos without labels (`folder` of both parts), at the size that classifiers see. A tenth is held out.
packing = dict(type='mmpretrain.PackInputs', meta_keys=('img_path', 'name', 'dataset_name'))
resize = dict(type='mmpretrain.ResizeEdge', scale=256, edge='short', backend='pillow', interpolation='bicubic')
train_dataloader = dict(
    batch_size=6,
    num_workers=0,
    sampler=dict(type='StreamSampler', shuffle=True),
    collate_fn=dict(type='default_collate'),
    dataset=dict(
        type='StreamDataset',
        dataset=dict(
            type='PhotoFolder',
            folder='photos',
            part='train',
            pipeline=[
                dict(type='LoadPhoto'),
                resize,
                dict(type='mmpretrain.RandomCrop', crop_size=128),
                dict(type='RandomFlip', prob=0.5, direction='horizontal'),
                packing,
            ],
        ),
    ),
)
val_dataloader = test_dataloader = dict(
    batch_size=1,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='PhotoFolder',
        folder='photos',
        part='held_out',
        pipeline=[
            dict(type='LoadPhoto'),
            resize,
            dict(type='mmpretrain.CenterCrop', crop_size=224),
            packing,
        ],
    ),
)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
val_evaluator = test_evaluator = [dict(type='ImageQuality', measures=['PSNR'])]

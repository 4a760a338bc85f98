# Training on the paper's 432 images (BSDS500 less CBSD68), test on whole images of Kodak and CBSD68.
data_root = '{{$SEMRESTORE_DATA:data}}'
packing = dict(type='mmpretrain.PackInputs', meta_keys=('img_path', 'name', 'dataset_name'))
train_dataloader = dict(
    batch_size=32,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='StreamSampler', shuffle=True),
    collate_fn=dict(type='default_collate'),
    dataset=dict(
        type='StreamDataset',
        dataset=dict(
            type='PhotoFolder',
            data_root=data_root,
            folder='bsds432',
            how_to_get='It holds BSDS500 without the images of CBSD68 (docs/data.md).',
            pipeline=[
                dict(type='LoadPhoto', cache=True),
                dict(type='mmpretrain.RandomCrop', crop_size=48, pad_if_needed=True, padding_mode='reflect'),
                dict(type='RandomDihedral'),
                packing,
            ],
        ),
    ),
)
test_pipeline = [dict(type='LoadPhoto'), packing]
kodak24 = dict(
    type='PhotoFolder',
    data_root=data_root,
    folder='kodak24',
    name='kodak24',
    how_to_get='It holds the 24 Kodak PNGs (docs/data.md).',
    pipeline=test_pipeline,
)
cbsd68 = dict(
    type='PhotoFolder',
    data_root=data_root,
    folder='cbsd68',
    name='cbsd68',
    how_to_get='It holds the 68 test images of BSDS (docs/data.md).',
    pipeline=test_pipeline,
)
val_dataloader = dict(
    batch_size=1,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=cbsd68,
)
test_dataloader = dict(
    batch_size=1,
    num_workers=1,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(type='ConcatDataset', datasets=[kodak24, cbsd68]),
)
val_evaluator = dict(type='ImageQuality')
test_evaluator = dict(type='ImageQuality')
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')

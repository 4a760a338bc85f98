# The colour photos in the wheels of scikit-image and scikit-learn; chelsea, coffee and flower are kept apart for
# evaluation.
packing = dict(type='mmpretrain.PackInputs', meta_keys=('img_path', 'name', 'dataset_name'))
train_dataloader = dict(
    batch_size=16,
    num_workers=0,
    sampler=dict(type='StreamSampler', shuffle=True),
    collate_fn=dict(type='default_collate'),
    dataset=dict(
        type='StreamDataset',
        dataset=dict(
            type='EmbeddedPhotos',
            split='train',
            pipeline=[
                dict(type='LoadPhoto', cache=True),
                dict(type='mmpretrain.RandomCrop', crop_size=48),
                dict(type='RandomDihedral'),
                packing,
            ],
        ),
    ),
)
val_dataloader = dict(
    batch_size=4,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(type='EmbeddedPhotos', split='val', view=224, stride=75, pipeline=[dict(type='LoadPhoto'), packing]),
)
test_dataloader = val_dataloader
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')

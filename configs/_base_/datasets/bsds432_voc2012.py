# Unlabelled photos for joint training with supervision='self': BSDS432 and the photos of voc2012's train list
# (docs/data.md).
data_root = '{{$SEMRESTORE_DATA:data}}'
pipeline = [
    dict(type='LoadPhoto', cache=True),
    dict(type='RandomCrop', crop_size=192, pad_if_needed=True),
    dict(type='RandomFlip', prob=0.5, direction='horizontal'),
    dict(type='mmpretrain.PackInputs', meta_keys=('img_path', 'name', 'dataset_name')),
]
train_dataloader = dict(
    batch_size=4,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='StreamSampler', shuffle=True),
    collate_fn=dict(type='default_collate'),
    dataset=dict(
        type='StreamDataset',
        dataset=dict(
            type='ConcatDataset',
            datasets=[
                dict(type='PhotoFolder', data_root=data_root, folder='bsds432', pipeline=pipeline),
                dict(
                    type='PhotoFolder',
                    data_root=f'{data_root}/voc2012',
                    folder='JPEGImages',
                    list_file='ImageSets/Segmentation/train.txt',
                    suffix='.jpg',
                    pipeline=pipeline,
                ),
            ],
        ),
    ),
)

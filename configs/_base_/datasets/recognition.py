# Unlabelled photos to train through task networks by: BSDS432, VOC 2012's train list and unlabelled628, at the size
# that classifiers see (short side 256), less 108 that are held out to choose by.
data_root = '{{$SEMRESTORE_DATA:data}}'
packing = dict(type='mmpretrain.PackInputs', meta_keys=('img_path', 'name', 'dataset_name'))
load = [
    dict(type='LoadPhoto', cache=True),
    dict(type='mmpretrain.ResizeEdge', scale=256, edge='short', backend='pillow', interpolation='bicubic'),
]
pipeline = [
    *load,
    dict(type='mmpretrain.RandomCrop', crop_size=128),
    dict(type='RandomFlip', prob=0.5, direction='horizontal'),
    dict(type='RandomColour', saturate=0.2, saturation=(1.0, 3.0), grey=0.05),
    packing,
]
held_out_pipeline = [*load, dict(type='mmpretrain.CenterCrop', crop_size=224), packing]
# Each with its number of photos; of so many one is held out.
folders = [
    (dict(type='PhotoFolder', data_root=data_root, folder='bsds432'), 432, 18),
    (
        dict(
            type='PhotoFolder',
            data_root=f'{data_root}/voc2012',
            folder='JPEGImages',
            list_file='ImageSets/Segmentation/train.txt',
            suffix='.jpg',
        ),
        300,
        5,
    ),
    (dict(type='PhotoFolder', data_root=data_root, folder='unlabelled628'), 624, 26),
]
train_dataloader = dict(
    batch_size=6,
    num_workers=0,
    sampler=dict(type='StreamSampler', shuffle=True),
    collate_fn=dict(type='default_collate'),
    dataset=dict(
        type='StreamDataset',
        dataset=dict(
            type='ConcatDataset',
            datasets=[
                dict(**folder, indices=[index for index in range(count) if index % step], pipeline=pipeline)
                for folder, count, step in folders
            ],
        ),
    ),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='ConcatDataset',
        datasets=[
            dict(**folder, name='held_out', indices=list(range(0, count, step)), pipeline=held_out_pipeline)
            for folder, count, step in folders
        ],
    ),
)
val_cfg = dict(type='ValLoop')
val_evaluator = [dict(type='ImageQuality', measures=['PSNR'])]

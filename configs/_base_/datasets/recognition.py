# Unlabelled photos to train through task networks by: BSDS432, VOC 2012's train list and unlabelled628, at the size
# that classifiers see (short side 256), less 108 that are held out to choose by. They are decoded once and stay on the
# device that trains (250 MB).
data_root = '{{$SEMRESTORE_DATA:data}}'
load = [
    dict(type='LoadPhoto'),
    dict(type='mmpretrain.ResizeEdge', scale=256, edge='short', backend='pillow', interpolation='bicubic'),
]
packing = dict(type='mmpretrain.PackInputs', meta_keys=('img_path', 'name', 'dataset_name'))
held_out_pipeline = [*load, dict(type='mmpretrain.CenterCrop', crop_size=224), packing]
# Folder, number of photos used, and n: every n-th of them is held out.
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
        type='DeviceResidentPatches',
        patch_size=128,
        upright=True,
        colour=dict(type='RandomColour', saturate=0.2, saturation=(1.0, 3.0), grey=0.05),
        dataset=dict(
            type='ConcatDataset',
            datasets=[
                dict(**folder, indices=[index for index in range(count) if index % step], pipeline=load)
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

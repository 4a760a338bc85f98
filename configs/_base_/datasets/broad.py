# Photos of many colours and scales: BSDS432, half of it again at half its size, and unlabelled628 at half its size
# (which takes off its JPEG's blocks), less 24 of each that are held out to choose by. Colours and grey: RandomColour.
_base_ = './bsds432_resident.py'
data_root = '{{$SEMRESTORE_DATA:data}}'
load = [dict(type='LoadPhoto')]
load_halved = [*load, dict(type='mmcv.Resize', scale_factor=0.5, interpolation='area')]
bsds432 = dict(type='PhotoFolder', data_root=data_root, folder='bsds432', how_to_get='docs/data.md says how to get it.')
unlabelled628 = dict(
    type='PhotoFolder', data_root=data_root, folder='unlabelled628', how_to_get='docs/data.md says how to get it.'
)
bsds432_kept = [index for index in range(432) if index % 18]
photos = dict(**bsds432, indices=bsds432_kept, pipeline=load)
photos_halved = dict(**bsds432, indices=bsds432_kept[::2], pipeline=load_halved)
more_photos = dict(**unlabelled628, indices=[index for index in range(624) if index % 26], pipeline=load_halved)
train_dataloader = dict(
    batch_size=16,
    dataset=dict(
        patch_size=64,
        colour=dict(type='RandomColour', saturate=0.5, saturation=(1.0, 3.0), grey=0.05),
        dataset=dict(
            _delete_=True,
            type='ConcatDataset',
            datasets=[photos, photos_halved, more_photos],
        ),
    ),
)
val_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='ConcatDataset',
        datasets=[
            dict(
                **bsds432,
                name='held_out',
                indices=list(range(0, 432, 18)),
                pipeline=[*load, dict(type='mmpretrain.CenterCrop', crop_size=192), {{_base_.packing}}],
            ),
            dict(
                **unlabelled628,
                name='held_out',
                indices=list(range(0, 624, 26)),
                pipeline=[*load_halved, {{_base_.packing}}],
            ),
        ],
    )
)

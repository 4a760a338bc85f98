# Train like breadth.py with all the variants together: colours, grey, clean, halved, more photos.
_base_ = './breadth.py'
data_root = '{{$SEMRESTORE_DATA:data}}'
kept = [index for index in range(432) if index % 18]
load = [dict(type='LoadPhoto')]
halve = [dict(type='mmcv.Resize', scale_factor=0.5, interpolation='area')]
bsds432 = dict(type='PhotoFolder', data_root=data_root, folder='bsds432')
model = dict(degradation=dict(weights=[0.85, 0.1, 0.05]))
train_dataloader = dict(
    dataset=dict(
        colour=dict(permute=0.5, invert=0.1, saturate=0.3, saturation=(1.0, 3.0), grey=0.05),
        dataset=dict(
            _delete_=True,
            type='ConcatDataset',
            datasets=[
                dict(**bsds432, indices=kept, pipeline=load),
                dict(**bsds432, indices=kept[::2], pipeline=[*load, *halve]),
                dict(
                    type='PhotoFolder',
                    data_root=data_root,
                    folder='unlabelled628',
                    indices=[index for index in range(624) if index % 26],
                    pipeline=[*load, *halve],
                ),
            ],
        ),
    )
)

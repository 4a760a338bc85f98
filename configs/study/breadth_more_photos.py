# Train like breadth.py, with the photos of unlabelled628 at half their size.
_base_ = './breadth.py'
data_root = '{{$SEMRESTORE_DATA:data}}'
load = [dict(type='LoadPhoto')]
train_dataloader = dict(
    dataset=dict(
        dataset=dict(
            _delete_=True,
            type='ConcatDataset',
            datasets=[
                dict(
                    type='PhotoFolder',
                    data_root=data_root,
                    folder='bsds432',
                    indices=[index for index in range(432) if index % 18],
                    pipeline=load,
                ),
                dict(
                    type='PhotoFolder',
                    data_root=data_root,
                    folder='unlabelled628',
                    indices=[index for index in range(624) if index % 26],
                    pipeline=[*load, dict(type='mmcv.Resize', scale_factor=0.5, interpolation='area')],
                ),
            ],
        )
    )
)

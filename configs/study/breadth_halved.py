# Train like breadth.py, with every second photo also at half its size.
_base_ = './breadth.py'
data_root = '{{$SEMRESTORE_DATA:data}}'
kept = [index for index in range(432) if index % 18]
load = [dict(type='LoadPhoto')]
halve = [dict(type='mmcv.Resize', scale_factor=0.5, interpolation='area')]
bsds432 = dict(type='PhotoFolder', data_root=data_root, folder='bsds432')
train_dataloader = dict(
    dataset=dict(
        dataset=dict(
            _delete_=True,
            type='ConcatDataset',
            datasets=[
                dict(**bsds432, indices=kept, pipeline=load),
                dict(**bsds432, indices=kept[::2], pipeline=[*load, *halve]),
            ],
        )
    )
)

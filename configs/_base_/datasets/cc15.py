# Photographs of real noise: 15 crops of 512 x 512 by Nam et al. (CVPR 2016, "CC"), each with the mean of 500 shots
# (docs/data.md).
test_dataloader = dict(
    batch_size=1,
    num_workers=1,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='PairFolder',
        data_root='{{$SEMRESTORE_DATA:data}}',
        folder='cc15',
        name='cc15',
        pipeline=[
            dict(type='LoadPair'),
            dict(type='mmpretrain.PackInputs', meta_keys=('img_path', 'name', 'dataset_name')),
        ],
    ),
)
test_evaluator = [dict(type='ImageQuality')]
test_cfg = dict(type='TestLoop')

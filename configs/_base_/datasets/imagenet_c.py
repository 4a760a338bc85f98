# The stored images of ImageNet-C (zenodo.org/records/2235448), unpacked: imagenet-c/gaussian_noise/1/n01440764/*.JPEG.
test_dataloader = dict(
    batch_size=8,
    num_workers=1,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='CorruptedFolder',
        data_root='{{$SEMRESTORE_DATA:data}}',
        folder='imagenet-c',
        classes='imagenet',
        pipeline=[
            dict(type='LoadPhoto'),
            dict(type='mmpretrain.CenterCrop', crop_size=224),
            dict(type='mmpretrain.PackInputs'),
        ],
    ),
)
test_evaluator = [dict(type='mmpretrain.Accuracy', topk=(1, 5))]
test_cfg = dict(type='TestLoop')
degradation = dict(_delete_=True, type='AlreadyDegraded')

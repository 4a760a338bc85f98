# ImageNet-ES, photographs of a screen (github.com/Edw2n/ImageNet-ES): imagenet-es/es-test/param_control/l1/param_1/…
test_dataloader = dict(
    batch_size=8,
    num_workers=1,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='CorruptedFolder',
        data_root='{{$SEMRESTORE_DATA:data}}',
        folder='imagenet-es/es-test',
        severities=None,
        clean='sampled_tin_no_resize2',  # what the screen showed
        classes='imagenet',
        pipeline=[
            dict(type='LoadPhoto'),
            dict(type='mmpretrain.ResizeEdge', scale=256, edge='short', backend='pillow', interpolation='bicubic'),
            dict(type='mmpretrain.CenterCrop', crop_size=224),
            dict(type='mmpretrain.PackInputs'),
        ],
    ),
)
test_evaluator = [dict(type='mmpretrain.Accuracy', topk=(1, 5))]
test_cfg = dict(type='TestLoop')
degradation = dict(_delete_=True, type='AlreadyDegraded')

# 1000 ImageNet photos, one a class, with labels (github.com/EliSchwartz/imagenet-sample-images, short side 256):
# docs/data.md.
test_dataloader = dict(
    batch_size=4,
    num_workers=1,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='mmpretrain.CustomDataset',
        data_root='{{$SEMRESTORE_DATA:data}}/imagenet_samples',
        ann_file='labels.txt',
        data_prefix='',
        pipeline=[
            dict(type='LoadPhoto'),
            dict(type='mmpretrain.ResizeEdge', scale=256, edge='short', backend='pillow', interpolation='bicubic'),
            dict(type='mmpretrain.CenterCrop', crop_size=224),
            dict(type='mmpretrain.PackInputs'),
        ],
    ),
)
test_evaluator = [dict(type='ImageQuality'), dict(type='mmpretrain.Accuracy', topk=(1, 5))]
test_cfg = dict(type='TestLoop')

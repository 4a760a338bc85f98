# Evaluate the embedded job's denoisers on photos that they never saw: every fourth of 1000 ImageNet photos, one a
# class, short side 256 (imagenet-sample-images). Agreement of EfficientNet-Lite0 with itself on the clean photo, sigma
# 30.
_base_ = './joint_efficientnet_lite0_sigma30.py'
test_dataloader = dict(
    batch_size=4,
    dataset=dict(
        _delete_=True,
        type='PhotoFolder',
        data_root='{{$SEMRESTORE_DATA:data}}',
        folder='imagenet_samples',
        indices=list(range(0, 1000, 4)),
        pipeline=[
            dict(type='LoadPhoto'),
            dict(type='mmpretrain.ResizeEdge', scale=256, edge='short', backend='pillow', interpolation='bicubic'),
            dict(type='mmpretrain.CenterCrop', crop_size=224),
            dict(type='mmpretrain.PackInputs', meta_keys=('img_path', 'name', 'dataset_name')),
        ],
    ),
)

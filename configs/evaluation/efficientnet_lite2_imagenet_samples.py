# Evaluate before EfficientNet-Lite2 on 1000 ImageNet photos: bicubic, crop 260 of a short side of 297.
# The ratio of the two is Lite0's, 0.875; timm's own for this network is 0.890, a short side of 292.
_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/denoisers/multiscale.py',
    '../_base_/tasks/efficientnet_lite2.py',
    '../_base_/datasets/imagenet_samples.py',
]
model = dict(degradation=dict(type='GaussianNoise', sigma=30), task={{_base_.task}})
pipeline = [
    dict(type='LoadPhoto'),
    dict(type='mmpretrain.ResizeEdge', scale=297, edge='short', backend='pillow', interpolation='bicubic'),
    dict(type='mmpretrain.CenterCrop', crop_size=260),
    dict(type='mmpretrain.PackInputs'),
]
test_dataloader = dict(dataset=dict(pipeline=pipeline))

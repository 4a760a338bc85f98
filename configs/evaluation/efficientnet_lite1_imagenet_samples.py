# Evaluate before EfficientNet-Lite1 on 1000 ImageNet photos: bicubic, crop 240 of a short side of 274.
# The ratio of the two is Lite0's, 0.875; timm's own for this network is 0.882, a short side of 272.
_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/denoisers/multiscale.py',
    '../_base_/tasks/efficientnet_lite1.py',
    '../_base_/datasets/imagenet_samples.py',
]
model = dict(degradation=dict(type='GaussianNoise', sigma=30), task={{_base_.task}})
pipeline = [
    dict(type='LoadPhoto'),
    dict(type='mmpretrain.ResizeEdge', scale=274, edge='short', backend='pillow', interpolation='bicubic'),
    dict(type='mmpretrain.CenterCrop', crop_size=240),
    dict(type='mmpretrain.PackInputs'),
]
test_dataloader = dict(dataset=dict(pipeline=pipeline))

# Evaluate before SqueezeNet 1.1 on 1000 ImageNet photos: bicubic, short side 256, crop 227.
_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/denoisers/multiscale.py',
    '../_base_/tasks/squeezenet11.py',
    '../_base_/datasets/imagenet_samples.py',
]
model = dict(degradation=dict(type='GaussianNoise', sigma=30), task={{_base_.task}})
test_dataloader = dict(
    dataset=dict(
        pipeline=[
            dict(type='LoadPhoto'),
            dict(type='mmpretrain.ResizeEdge', scale=256, edge='short', backend='pillow', interpolation='bicubic'),
            dict(type='CaffeCenterCrop', crop_size=227),
            dict(type='mmpretrain.PackInputs'),
        ]
    )
)

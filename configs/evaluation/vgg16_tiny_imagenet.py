# Evaluate before VGG-16 on the 10,000 validation images of Tiny ImageNet.
_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/denoisers/multiscale.py',
    '../_base_/tasks/vgg16_tiny_imagenet.py',
    '../_base_/datasets/tiny_imagenet.py',
]
model = dict(degradation=dict(type='GaussianNoise', sigma=30), task={{_base_.task}})

# Evaluate before torchvision's MobileNetV2 on 1000 ImageNet photos: short side 256, crop 224.
_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/denoisers/multiscale.py',
    '../_base_/tasks/mobilenetv2.py',
    '../_base_/datasets/imagenet_samples.py',
]
model = dict(degradation=dict(type='GaussianNoise', sigma=30), task={{_base_.task}})

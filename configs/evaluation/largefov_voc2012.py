# Evaluate before DeepLab-LargeFOV on Pascal VOC 2012 val at half size.
_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/denoisers/multiscale.py',
    '../_base_/tasks/deeplab_largefov_tiny_imagenet.py',
    '../_base_/datasets/voc2012_small.py',
]
model = dict(degradation=dict(type='GaussianNoise', sigma=30), task={{_base_.task}})

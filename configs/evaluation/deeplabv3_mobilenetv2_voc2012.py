# Evaluate before DeepLabv3-MobileNetV2 on Pascal VOC 2012 val, whole photos.
_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/denoisers/multiscale.py',
    '../_base_/tasks/deeplabv3_mobilenetv2.py',
    '../_base_/datasets/voc2012.py',
]
model = dict(degradation=dict(type='GaussianNoise', sigma=30), task={{_base_.task}})

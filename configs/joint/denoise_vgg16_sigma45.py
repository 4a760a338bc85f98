# Table IV at sigma 45: joint training with VGG-16 on ImageNet, with the released code's schedule.
_base_ = './denoise_vgg16_sigma30.py'
model = dict(degradation=dict(sigma=45))
load_from = 'zoo:multiscale-sigma50'

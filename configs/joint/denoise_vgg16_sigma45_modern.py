# Table IV at sigma 45: joint training with VGG-16 on ImageNet, with a modern schedule.
_base_ = './denoise_vgg16_sigma30_modern.py'
model = dict(degradation=dict(sigma=45))
load_from = 'zoo:multiscale-sigma45'

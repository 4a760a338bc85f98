# Table IV at sigma 45; see denoise_vgg16_tiny_imagenet_sigma30.py.
_base_ = './denoise_vgg16_tiny_imagenet_sigma30.py'
model = dict(degradation=dict(sigma=45))
load_from = 'zoo:multiscale-sigma45'

# Table V at sigma 45: joint training with DeepLab-LargeFOV on VOC 2012 aug, with the released code's schedule.
_base_ = './denoise_deeplab_sigma30.py'
model = dict(degradation=dict(sigma=45))
load_from = 'zoo:multiscale-sigma50'

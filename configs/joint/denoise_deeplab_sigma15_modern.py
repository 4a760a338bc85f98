# Table V at sigma 15: joint training with DeepLab-LargeFOV on VOC 2012 aug, with a modern schedule.
_base_ = './denoise_deeplab_sigma30_modern.py'
model = dict(degradation=dict(sigma=15))
load_from = 'zoo:multiscale-sigma15'

# Table V at sigma 45; see denoise_largefov_voc2012_sigma30.py.
_base_ = './denoise_largefov_voc2012_sigma30.py'
model = dict(degradation=dict(sigma=45))
load_from = 'zoo:multiscale-sigma45'

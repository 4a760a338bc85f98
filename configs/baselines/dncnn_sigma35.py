# Train DnCNN at sigma 35.
_base_ = './dncnn_sigma25.py'
model = dict(degradation=dict(sigma=35))

# One DnCNN for every noise level up to 55, as the authors' blind one; evaluate with --sigma.
_base_ = './dncnn_sigma25.py'
model = dict(degradation=dict(sigma=(0, 55)))

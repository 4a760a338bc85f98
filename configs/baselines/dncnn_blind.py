# Train one DnCNN for every noise level up to 55, like the authors' blind network; evaluate it with --sigma.
_base_ = './dncnn_sigma25.py'
model = dict(degradation=dict(sigma=(0, 55)))

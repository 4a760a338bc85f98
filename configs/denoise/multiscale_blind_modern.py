# Train one denoiser for every noise level; each image of a batch draws its own sigma.
_base_ = './multiscale_sigma25_modern.py'
model = dict(degradation=dict(sigma=(0, 60)))

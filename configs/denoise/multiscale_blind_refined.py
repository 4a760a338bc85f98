# Train one denoiser for every noise level from weights of sigma 25 (load_from); each patch draws its own sigma.
_base_ = './multiscale_sigma30_refined.py'
model = dict(degradation=dict(sigma=(0, 60)))

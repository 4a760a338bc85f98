# Train DnCNN at sigma 25, with our modern schedule. It also runs the authors' weights
# (projects/paper/convert_matconvnet.py).
_base_ = '../denoise/multiscale_sigma25_modern.py'
model = dict(denoiser=dict(_delete_=True, type='DnCNN'))

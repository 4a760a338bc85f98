# Table I, row 10.
_base_ = '../denoise/multiscale_sigma35.py'
model = dict(denoiser=dict(num_scales=4, encoder_channels=128, decoder_channels=256, global_skip=False))

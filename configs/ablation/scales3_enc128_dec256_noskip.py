# Table I, row 6.
_base_ = '../denoise/multiscale_sigma35.py'
model = dict(denoiser=dict(num_scales=3, encoder_channels=128, decoder_channels=256, global_skip=False))

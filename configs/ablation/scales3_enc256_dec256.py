# Table I, row 8.
_base_ = '../denoise/multiscale_sigma35.py'
model = dict(denoiser=dict(num_scales=3, encoder_channels=256, decoder_channels=256))

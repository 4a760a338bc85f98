# Table I, row 12.
_base_ = '../denoise/multiscale_sigma35.py'
model = dict(denoiser=dict(num_scales=4, encoder_channels=256, decoder_channels=256))

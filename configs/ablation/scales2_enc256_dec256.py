# Table I, row 4.
_base_ = '../denoise/multiscale_sigma35.py'
model = dict(denoiser=dict(num_scales=2, encoder_channels=256, decoder_channels=256))

# Table I, row 1.
_base_ = '../denoise/multiscale_sigma35.py'
model = dict(denoiser=dict(num_scales=2, encoder_channels=128, decoder_channels=128))

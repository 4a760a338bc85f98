# Table I, row 9 with a modern schedule.
_base_ = '../denoise/multiscale_sigma35_modern.py'
model = dict(denoiser=dict(num_scales=4, encoder_channels=128, decoder_channels=128))

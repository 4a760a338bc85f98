# Table I, row 5 with a modern schedule.
_base_ = '../denoise/multiscale_sigma35_modern.py'
model = dict(denoiser=dict(num_scales=3, encoder_channels=128, decoder_channels=128))

# Table I, row 2 with a modern schedule.
_base_ = '../denoise/multiscale_sigma35_modern.py'
model = dict(denoiser=dict(num_scales=2, encoder_channels=128, decoder_channels=256, global_skip=False))

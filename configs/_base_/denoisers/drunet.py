# DRUNet with a coarsest scale as thin as the one above it: 17,960,896 parameters. Its input has the noise level, so one
# network is for all.
model = dict(
    type='Cascade',
    data_preprocessor=dict(type='ImagePreprocessor', channel_order='rgb'),
    denoiser=dict(type='DRUNet', channels=(64, 128, 256, 256), blocks=4),
    evaluation_seed=0,
)

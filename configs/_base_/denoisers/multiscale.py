# The paper's denoiser (Fig. 1): 1,033,443 parameters.
model = dict(
    type='Cascade',
    data_preprocessor=dict(type='ImagePreprocessor', channel_order='rgb'),
    denoiser=dict(type='MultiScaleDenoiser', num_scales=3, encoder_channels=128, decoder_channels=256),
    evaluation_seed=0,
)

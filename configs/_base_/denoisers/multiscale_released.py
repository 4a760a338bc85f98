# The paper's denoiser as the released code runs it: its layers see 0..255, biases start at 0.2, the last convolution by
# Xavier's rule, BN's running statistics decay by .999. The printed learning rates belong to this scale.
model = dict(
    type='Cascade',
    data_preprocessor=dict(type='ImagePreprocessor', channel_order='rgb'),
    denoiser=dict(
        type='MultiScaleDenoiser',
        num_scales=3,
        encoder_channels=128,
        decoder_channels=256,
        pixel_range=255.0,
        bias_init=0.2,
        zero_tail=False,
        norm_momentum=0.001,
    ),
    evaluation_seed=0,
)

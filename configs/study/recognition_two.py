# Train like recognition.py through EfficientNet-Lite0 and SqueezeNet together.
_base_ = './recognition.py'
model = dict(
    tasks=dict(squeezenet={{_base_.tasks.squeezenet}}),
    losses=dict(
        squeezenet={{_base_.losses.squeezenet}},
        squeezenet_features={{_base_.losses.squeezenet_features}},
    ),
)

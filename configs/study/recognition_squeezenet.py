# Train like recognition.py through SqueezeNet, judged by EfficientNet-Lite0.
_base_ = './recognition.py'
model = dict(
    tasks=dict(_delete_=True, squeezenet={{_base_.tasks.squeezenet}}),
    losses=dict(
        _delete_=True,
        reconstruction={{_base_.losses.reconstruction}},
        squeezenet={{_base_.losses.squeezenet}},
        squeezenet_features={{_base_.losses.squeezenet_features}},
    ),
)

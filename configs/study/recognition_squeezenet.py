# As recognition.py through SqueezeNet, judged by EfficientNet-Lite0.
_base_ = './recognition.py'
squeezenet = dict(
    type='TorchvisionTask',
    model='squeezenet1_1',
    data_preprocessor=dict(mean=[104.0, 117.0, 123.0], std=[1.0] * 3, to_rgb=False),
    checkpoint='{{$SEMRESTORE_DATA:data}}/heads/squeezenet11.pth',
)
model = dict(
    tasks=dict(_delete_=True, squeezenet=squeezenet),
    losses=dict(
        _delete_=True,
        reconstruction=dict(type='ReconstructionLoss', distance='l1', balance=0.05, weight=2.0),
        squeezenet=dict(type='TaskLoss', task='squeezenet', weight=0.03),
        squeezenet_features=dict(
            type='PerceptualLoss',
            task='squeezenet',
            layers=['features.5', 'features.8'],
            distance='normalised',
            weight=0.03,
        ),
    ),
)

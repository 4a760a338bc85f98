# SqueezeNet 1.1 with its ImageNet weights, converted from Caffe (docs/tasks.md): BGR less the mean, at 227 x 227.
task = dict(
    type='TorchvisionTask',
    model='squeezenet1_1',
    data_preprocessor=dict(mean=[104.0, 117.0, 123.0], std=[1.0] * 3, to_rgb=False),
    checkpoint='{{$SEMRESTORE_DATA:data}}/heads/squeezenet11.pth',
)

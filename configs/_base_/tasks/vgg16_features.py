# The original VGG-16 (Caffe: BGR less the mean) up to relu3_3, as a network for perceptual features beside any task
# (docs/tasks.md).
features = dict(
    type='OpenMMLabTask',
    model=dict(
        type='ImageClassifier',
        backbone=dict(type='VGG', depth=16, num_stages=3, dilations=(1, 1, 1), out_indices=(2,)),
        data_preprocessor=dict(mean=[103.939, 116.779, 123.68], std=[1.0] * 3, to_rgb=False),
    ),
    checkpoint='{{$SEMRESTORE_DATA:data}}/heads/vgg16_relu3_3.pth',
    # torchvision counts activations as layers of their own, mmpretrain does not.
    revise_keys=[
        (rf'^features\.{index}\.', f'backbone.features.{own}.conv.')
        for index, own in zip((0, 2, 5, 7, 10, 12, 14), (0, 1, 3, 4, 6, 7, 8), strict=True)
    ],
)
relu3_3 = 'backbone.features.8'

# VGG-16 with batch normalisation for the 200 classes of Tiny ImageNet (64 x 64), trained by
# configs/classification/vgg16_tiny_imagenet.py. Preprocessing is the original VGG-16's (Caffe: BGR less the mean), with
# whose convolutions it starts.
task = dict(
    type='OpenMMLabTask',
    model=dict(
        type='ImageClassifier',
        _scope_='mmpretrain',
        data_preprocessor=dict(mean=[103.939, 116.779, 123.68], std=[1.0] * 3, to_rgb=False),
        # The first two stages keep what they start with.
        backbone=dict(type='VGG', depth=16, norm_cfg=dict(type='BN'), out_indices=(4,), frozen_stages=2),
        neck=dict(type='GlobalAveragePooling'),
        head=dict(
            type='LinearClsHead',
            num_classes=200,
            in_channels=512,
            loss=dict(type='LabelSmoothLoss', label_smooth_val=0.1, mode='original'),
            topk=(1, 5),
        ),
    ),
    checkpoint='work_dirs/vgg16_tiny_imagenet/iter_6000.pth',
)
relu3_3 = 'backbone.features.8'

# mmpretrain's VGG-16 with its published ImageNet weights (top-1 71.62 % on clean ILSVRC2012 val, by its model card).
task = dict(
    type='OpenMMLabTask',
    model=dict(
        type='ImageClassifier',
        backbone=dict(type='VGG', depth=16, num_classes=1000),
        head=dict(type='ClsHead', loss=dict(type='CrossEntropyLoss', loss_weight=1.0), topk=(1, 5)),
        data_preprocessor=dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], to_rgb=True),
    ),
    checkpoint='https://mmassets.onedl.ai/mmclassification/v0/vgg/vgg16_batch256_imagenet_20210208-db26f1a5.pth',
)
relu3_3 = 'backbone.features.8'

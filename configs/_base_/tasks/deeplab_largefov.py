# DeepLab-LargeFOV on VGG-16, the paper's segmenter. Its weights are trained by
# configs/segmentation/deeplab_largefov_voc12aug.py.
task = dict(
    type='OpenMMLabTask',
    model=dict(
        type='EncoderDecoder',
        _scope_='mmseg',
        data_preprocessor=dict(
            type='SegDataPreProcessor',
            mean=[123.675, 116.28, 103.53],
            std=[58.395, 57.12, 57.375],
            bgr_to_rgb=True,
            size_divisor=1,
        ),
        backbone=dict(
            type='semrestore.LargeFOVVGG16',
            # Where its own training starts: mmpretrain's VGG-16.
            init_cfg=dict(
                type='Pretrained',
                checkpoint='https://mmassets.onedl.ai/mmclassification/v0/vgg/vgg16_batch256_imagenet_20210208-db26f1a5.pth',
                prefix='backbone.',
            ),
        ),
        decode_head=dict(
            type='semrestore.LargeFOVHead',
            in_index=0,
            loss_decode=dict(type='CrossEntropyLoss', loss_weight=1.0),
        ),
        test_cfg=dict(mode='whole'),
    ),
    checkpoint='work_dirs/deeplab_largefov_voc12aug/iter_20000.pth',
)
relu3_3 = 'backbone.features.8'

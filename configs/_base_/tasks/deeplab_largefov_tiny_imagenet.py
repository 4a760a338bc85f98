# DeepLab-LargeFOV on the VGG-16 of Tiny ImageNet, trained by configs/segmentation/deeplab_largefov_voc2012.py.
task = dict(
    type='OpenMMLabTask',
    model=dict(
        type='EncoderDecoder',
        _scope_='mmseg',
        data_preprocessor=dict(
            type='SegDataPreProcessor', mean=[103.939, 116.779, 123.68], std=[1.0] * 3, bgr_to_rgb=False, size_divisor=1
        ),
        backbone=dict(
            type='semrestore.LargeFOVVGG16',
            norm_cfg=dict(type='BN'),
            norm_eval=True,
            frozen_stages=2,
            # Where its own training starts.
            init_cfg=dict(
                type='Pretrained', checkpoint='work_dirs/vgg16_tiny_imagenet/iter_6000.pth', prefix='backbone.'
            ),
        ),
        decode_head=dict(
            type='semrestore.LargeFOVHead', in_index=0, loss_decode=dict(type='CrossEntropyLoss', loss_weight=1.0)
        ),
        test_cfg=dict(mode='whole'),
    ),
    checkpoint='work_dirs/deeplab_largefov_voc2012/iter_500.pth',
)
relu3_3 = 'backbone.features.8'

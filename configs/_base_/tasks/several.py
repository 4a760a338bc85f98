# Four frozen networks at once: EfficientNet-Lite0, SqueezeNet 1.1 and DeepLabv3-MobileNetV2 as in the files of their
# names, and the original VGG-16 up to relu3_3 for its features (vgg16_features.py); and the losses that listen to them.
_base_ = ['./vgg16_features.py']
same = dict(type='Conv2dAdaptivePadding')  # TensorFlow's SAME padding
tasks = dict(
    lite0=dict(
        type='OpenMMLabTask',
        model=dict(
            type='TimmClassifier',
            model_name='tf_efficientnet_lite0',
            data_preprocessor=dict(mean=[127.0] * 3, std=[128.0] * 3, to_rgb=True),
        ),
        checkpoint='efficientnet-lite0',
    ),
    squeezenet=dict(
        type='TorchvisionTask',
        model='squeezenet1_1',
        data_preprocessor=dict(mean=[104.0, 117.0, 123.0], std=[1.0] * 3, to_rgb=False),
        checkpoint='{{$SEMRESTORE_DATA:data}}/heads/squeezenet11.pth',
    ),
    segmenter=dict(
        type='OpenMMLabTask',
        model=dict(
            type='EncoderDecoder',
            data_preprocessor=dict(type='SegDataPreProcessor', mean=[127.5] * 3, std=[127.5] * 3, bgr_to_rgb=True),
            backbone=dict(type='semrestore.SlimMobileNetV2', widen_factor=0.5, conv_cfg=same, norm_cfg=None),
            decode_head=dict(
                type='semrestore.ASPPLiteHead',
                in_channels=160,
                in_index=0,
                channels=256,
                num_classes=21,
                norm_cfg=None,
                align_corners=True,
                loss_decode=dict(type='CrossEntropyLoss', loss_weight=1.0),
            ),
            test_cfg=dict(mode='whole'),
        ),
        checkpoint='work_dirs/weights/deeplabv3_mobilenetv2_dm05_voc.pth',
    ),
    vgg16={{_base_.features}},
)
losses = dict(
    reconstruction=dict(type='ReconstructionLoss', distance='l1', balance=0.05, weight=2.0),
    lite0=dict(type='TaskLoss', task='lite0', weight=0.03),
    lite0_features=dict(
        type='PerceptualLoss',
        task='lite0',
        layers=['model.blocks.2', 'model.blocks.4'],
        distance='normalised',
        weight=0.03,
    ),
    squeezenet=dict(type='TaskLoss', task='squeezenet', weight=0.03),
    squeezenet_features=dict(
        type='PerceptualLoss',
        task='squeezenet',
        layers=['features.5', 'features.8'],
        distance='normalised',
        weight=0.03,
    ),
    segmenter=dict(type='TaskLoss', task='segmenter', weight=0.03),
    segmenter_features=dict(
        type='PerceptualLoss',
        task='segmenter',
        layers=['backbone.layer4', 'backbone.layer7'],
        distance='normalised',
        weight=0.03,
    ),
    vgg16=dict(type='PerceptualLoss', task='vgg16', layers={{_base_.relu3_3}}, distance='normalised', weight=0.03),
)

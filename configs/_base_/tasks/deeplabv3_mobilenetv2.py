# DeepLabv3 on MobileNetV2 (depth 0.5), trained on Pascal VOC by TensorFlow's model zoo, batch norms folded. The weights
# are made by projects/paper/convert_deeplabv3.py from the TensorFlow Lite model (docs/tasks.md).
same = dict(type='Conv2dAdaptivePadding')  # TensorFlow's SAME padding
task = dict(
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
)

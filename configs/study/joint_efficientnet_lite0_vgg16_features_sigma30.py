# As joint_efficientnet_lite0_sigma30, with perceptual features from the original VGG-16 up to relu3_3 instead of the
# task network.
_base_ = ['./joint_efficientnet_lite0_sigma30.py', '../_base_/tasks/vgg16_features.py']
model = dict(
    feature_network={{_base_.feature_network}},
    # Caffe's network sees 0..255, so its features differ in the tens of thousands where pixels in 0..1 differ by 0.004.
    losses=dict(perceptual=dict(layers={{_base_.relu3_3}}, weight=1e-6)),
)

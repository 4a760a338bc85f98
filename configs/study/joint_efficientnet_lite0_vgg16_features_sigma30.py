# Train like joint_efficientnet_lite0_sigma30, with perceptual features from the original VGG-16 up to relu3_3 instead
# of the task network.
_base_ = ['./joint_efficientnet_lite0_sigma30.py', '../_base_/tasks/vgg16_features.py']
model = dict(
    task=None,
    tasks=dict(classifier={{_base_.task}}, features={{_base_.features}}),
    # Caffe's network sees 0..255, so its features differ in the tens of thousands where pixels in 0..1 differ by 0.004.
    losses=dict(perceptual=dict(layers={{_base_.relu3_3}}, weight=1e-6, task='features'), task=dict(task='classifier')),
)
test_evaluator = [
    dict(type='ImageQuality'),
    dict(type='TaskMetric', task='classifier', metric=dict(type='mmpretrain.Accuracy', topk=(1, 5))),
]

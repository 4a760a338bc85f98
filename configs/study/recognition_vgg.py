# As recognition.py, with the features of the original VGG-16 at relu3_3 as well.
_base_ = ['./recognition.py', '../_base_/tasks/vgg16_features.py']
model = dict(
    tasks=dict(vgg16={{_base_.features}}),
    losses=dict(
        vgg16=dict(type='PerceptualLoss', task='vgg16', layers={{_base_.relu3_3}}, distance='normalised', weight=0.03)
    ),
)

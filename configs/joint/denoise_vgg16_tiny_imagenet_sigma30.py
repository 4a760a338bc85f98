# Table IV at sigma 30 with the VGG-16 of Tiny ImageNet (configs/classification/vgg16_tiny_imagenet.py), in minutes on
# two CPU cores.
_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/denoisers/multiscale.py',
    '../_base_/tasks/vgg16_tiny_imagenet.py',
    '../_base_/datasets/tiny_imagenet.py',
    '../_base_/schedules/study_joint.py',
]
model = dict(
    degradation=dict(type='GaussianNoise', sigma=30),
    task={{_base_.task}},
    supervision='labels',
    losses=dict(
        # lambda_P and lambda_H are the paper's, on pixels of 0..1 (docs/joint_training.md).
        reconstruction=dict(type='ReconstructionLoss', distance='mse', pixel_range=1.0),
        perceptual=dict(type='PerceptualLoss', layers={{_base_.relu3_3}}, weight=0.5),
        task=dict(type='TaskLoss', weight=0.25),
    ),
)
load_from = 'zoo:multiscale-sigma30'

# Table V at sigma 30 with the DeepLab-LargeFOV of configs/segmentation/deeplab_largefov_voc2012.py, in minutes on two
# CPU cores.
_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/denoisers/multiscale.py',
    '../_base_/tasks/deeplab_largefov_tiny_imagenet.py',
    '../_base_/datasets/voc2012_small.py',
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
        task=dict(type='TaskLoss', weight=0.5),
    ),
)
load_from = 'zoo:multiscale-sigma30'

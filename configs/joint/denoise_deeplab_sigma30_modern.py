# Table V at sigma 30: joint training with DeepLab-LargeFOV on VOC 2012 aug, with a modern schedule.
# DeepLab is trained first, on clean photos: segmentation/deeplab_largefov_voc12aug.py.
_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/denoisers/multiscale.py',
    '../_base_/tasks/deeplab_largefov.py',
    '../_base_/datasets/voc2012aug.py',
    '../_base_/schedules/joint_modern.py',
]
model = dict(
    degradation=dict(type='GaussianNoise', sigma=30),
    task={{_base_.task}},
    supervision='labels',
    losses=dict(
        # lambda_P and lambda_H are the paper's. It does not say on which pixel range they hold; here on 0..1, where the
        # task leads, as in the released code (docs/joint_training.md).
        reconstruction=dict(type='ReconstructionLoss', distance='mse', pixel_range=1.0),
        perceptual=dict(type='PerceptualLoss', layers={{_base_.relu3_3}}, weight=0.5),
        task=dict(type='TaskLoss', weight=0.5),
    ),
)
load_from = 'zoo:multiscale-sigma30'  # as in the paper: a denoiser trained alone at this level
auto_scale_lr = dict(base_batch_size=6)  # --auto-scale-lr: for another batch

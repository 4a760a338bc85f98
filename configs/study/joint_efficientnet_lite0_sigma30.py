# Run the second step of the study: train jointly with EfficientNet-Lite0 on unlabelled photos, from
# study/denoise_sigma30 (load_from).
_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/denoisers/multiscale.py',
    '../_base_/tasks/efficientnet_lite0.py',
    '../_base_/datasets/bsds432_voc2012.py',
    '../_base_/datasets/imagenet_samples.py',
    '../_base_/schedules/study_joint.py',
]
model = dict(
    degradation=dict(type='GaussianNoise', sigma=30),
    task={{_base_.task}},
    supervision='soft',
    losses=dict(
        # lambda_P and lambda_H hold for an L1 distance on 0..1 (docs/joint_training.md has the study of lambda_H).
        reconstruction=dict(type='ReconstructionLoss', distance='l1', pixel_range=1.0),
        perceptual=dict(type='PerceptualLoss', layers=['model.blocks.2', 'model.blocks.4'], weight=0.01),
        task=dict(type='TaskLoss', weight=0.01),
    ),
)

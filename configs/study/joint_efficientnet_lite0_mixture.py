# As joint_efficientnet_lite0_sigma30, on mixed noise; load_from is the denoiser of study/denoise_mixture.
_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/denoisers/multiscale.py',
    '../_base_/tasks/efficientnet_lite0.py',
    '../_base_/datasets/bsds432_voc2012.py',
    '../_base_/datasets/imagenet_samples.py',
    '../_base_/schedules/study_joint.py',
    '../_base_/degradations/mixture.py',
]
model = dict(
    degradation={{_base_.degradation}},
    task={{_base_.task}},
    supervision='soft',
    losses=dict(
        # lambda_P and lambda_H hold for an L1 distance on 0..1 (docs/joint_training.md has the study of lambda_H).
        reconstruction=dict(type='ReconstructionLoss', distance='l1', pixel_range=1.0),
        perceptual=dict(type='PerceptualLoss', layers=['model.blocks.2', 'model.blocks.4'], weight=0.01),
        task=dict(type='TaskLoss', weight=0.01),
    ),
)

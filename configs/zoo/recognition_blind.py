# The blind denoiser on from its pixel-trained weights, for recognition: through EfficientNet-Lite0, by its class
# probabilities and two of its layers on clean photos without labels.
_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/denoisers/multiscale.py',
    '../_base_/degradations/blind.py',
    '../_base_/tasks/efficientnet_lite0.py',
    '../_base_/datasets/recognition.py',
    '../_base_/schedules/denoise_refined.py',
]
max_iters = 1000
model = dict(
    denoiser=dict(norm_eval=True),
    degradation={{_base_.degradation}},
    tasks=dict(lite0={{_base_.task}}),
    supervision='soft',
    losses=dict(
        reconstruction=dict(type='ReconstructionLoss', distance='l1', balance=0.05, weight=2.0),
        lite0=dict(type='TaskLoss', task='lite0', weight=0.03),
        lite0_features=dict(
            type='PerceptualLoss',
            task='lite0',
            layers=['model.blocks.2', 'model.blocks.4'],
            distance='normalised',
            weight=0.03,
        ),
    ),
)
load_from = 'zoo:multiscale-blind'
train_cfg = dict(max_iters=max_iters, val_interval=max_iters)
optim_wrapper = dict(optimizer=dict(lr=1e-4))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, begin=0, end=100, by_epoch=False),
    dict(type='CosineAnnealingLR', eta_min_ratio=1e-3, begin=100, end=max_iters, T_max=max_iters - 100, by_epoch=False),
]
default_hooks = dict(checkpoint=dict(interval=-1, minutes=10, save_last=True))

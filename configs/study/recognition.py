# A short training for comparing what makes a denoiser for recognition carry over to networks that it was not trained
# through (projects/zoo/plan.py): through EfficientNet-Lite0, judged by SqueezeNet.
_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/denoisers/multiscale.py',
    '../_base_/degradations/blind.py',
    '../_base_/tasks/efficientnet_lite0.py',
    '../_base_/datasets/recognition.py',
    '../_base_/schedules/denoise_refined.py',
]
max_iters = 300
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
train_cfg = dict(max_iters=max_iters, val_interval=10_000)
optim_wrapper = dict(optimizer=dict(lr=1e-4))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, begin=0, end=30, by_epoch=False),
    dict(type='CosineAnnealingLR', eta_min_ratio=1e-3, begin=30, end=max_iters, T_max=max_iters - 30, by_epoch=False),
]
custom_hooks = [dict(type='EMAHook', momentum=1e-2, update_buffers=True)]
default_hooks = dict(checkpoint=dict(interval=-1, minutes=10, save_last=True))

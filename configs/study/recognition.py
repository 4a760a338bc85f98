# A short training for comparing what makes a denoiser for recognition carry over to networks that it was not trained
# through (projects/zoo/plan.py): through EfficientNet-Lite0, judged by SqueezeNet.
_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/denoisers/multiscale.py',
    '../_base_/degradations/blind.py',
    '../_base_/tasks/several.py',
    '../_base_/datasets/recognition.py',
    '../_base_/schedules/denoise_refined.py',
]
max_iters = 300
model = dict(
    denoiser=dict(norm_eval=True),
    degradation={{_base_.degradation}},
    tasks=dict(lite0={{_base_.tasks.lite0}}),
    supervision='soft',
    losses=dict(
        reconstruction={{_base_.losses.reconstruction}},
        lite0={{_base_.losses.lite0}},
        lite0_features={{_base_.losses.lite0_features}},
    ),
)
load_from = 'work_dirs/weights/multiscale-blind-b0114760.safetensors'
train_cfg = dict(max_iters=max_iters, val_interval=10_000)
optim_wrapper = dict(optimizer=dict(lr=1e-4))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, begin=0, end=30, by_epoch=False),
    dict(type='CosineAnnealingLR', eta_min_ratio=1e-3, begin=30, end=max_iters, T_max=max_iters - 30, by_epoch=False),
]
custom_hooks = [dict(type='EMAHook', momentum=1e-2, update_buffers=True)]
default_hooks = dict(checkpoint=dict(interval=-1, minutes=10, save_last=True))

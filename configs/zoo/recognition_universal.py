# Train for recognition under many degradations, with clean photos among them: python -m projects.zoo train
# recognition-universal. It starts from multiscale-real: weights for white noise take a camera's noise, which is
# smooth, for detail, and did not unlearn that in 800 iterations.
_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/denoisers/multiscale.py',
    '../_base_/degradations/universal.py',
    '../_base_/tasks/several.py',
    '../_base_/datasets/recognition.py',
    '../_base_/schedules/denoise_refined.py',
]
max_iters = 1800
model = dict(
    denoiser=dict(norm_eval=True),
    degradation={{_base_.degradation}},
    tasks={{_base_.tasks}},
    supervision='soft',
    temperature=3.0,
    losses={{_base_.losses}},
)
train_dataloader = dict(batch_size=6, dataset=dict(patch_size=160, seeded_noise=False))
load_from = 'zoo:multiscale-real'
optim_wrapper = dict(optimizer=dict(lr=4e-4, fused=True))
train_cfg = dict(max_iters=max_iters, val_interval=600)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, begin=0, end=50, by_epoch=False),
    dict(type='CosineAnnealingLR', eta_min_ratio=1e-3, begin=50, end=max_iters, T_max=max_iters - 50, by_epoch=False),
]
default_hooks = dict(checkpoint=dict(interval=-1, minutes=10, save_last=True))

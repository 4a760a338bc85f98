# Train one denoiser for every noise level up to 60 on photos of many colours, from the blind weights of round 2
# (projects/zoo/starts/README.md). For a GPU: python -m projects.zoo train multiscale-blind.
_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/denoisers/multiscale.py',
    '../_base_/datasets/broad.py',
    '../_base_/degradations/blind.py',
    '../_base_/schedules/denoise_refined.py',
]
max_iters = 6500
model = dict(
    denoiser=dict(norm_eval=True),
    degradation={{_base_.degradation}},
    losses=dict(reconstruction=dict(type='ReconstructionLoss', distance='l1', balance=0.05)),
    compile=True,
)
train_dataloader = dict(batch_size=72, dataset=dict(seeded_noise=False))
load_from = 'work_dirs/weights/multiscale-blind-b0114760.safetensors'
train_cfg = dict(max_iters=max_iters, val_interval=1300)
optim_wrapper = dict(optimizer=dict(lr=6e-4, fused=True))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, begin=0, end=200, by_epoch=False),
    dict(type='CosineAnnealingLR', eta_min_ratio=1e-3, begin=200, end=max_iters, T_max=max_iters - 200, by_epoch=False),
]
default_hooks = dict(checkpoint=dict(interval=-1, minutes=10, save_last=True))

# A denoiser alone on mixed noise, from blind weights: a quarter of an hour on two CPU cores with --amp.
_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/denoisers/multiscale.py',
    '../_base_/datasets/bsds432_resident.py',
    '../_base_/schedules/denoise_refined.py',
    '../_base_/degradations/mixture.py',
]
max_iters = 1500
model = dict(
    degradation={{_base_.degradation}},
    losses=dict(reconstruction=dict(type='ReconstructionLoss', distance='l1')),
)
train_dataloader = dict(batch_size=18, dataset=dict(patch_size=64))
load_from = 'zoo:multiscale-blind'
train_cfg = dict(max_iters=max_iters, val_interval=max_iters)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, begin=0, end=100, by_epoch=False),
    dict(type='CosineAnnealingLR', eta_min_ratio=1e-3, begin=100, end=max_iters, T_max=max_iters - 100, by_epoch=False),
]

# Train a denoiser alone on mixed noise from blind weights, in ten minutes on two CPU cores with --amp.
_base_ = ['../denoise/multiscale_blind_refined.py', '../_base_/degradations/mixture.py']
max_iters = 1500
model = dict(degradation={{_base_.degradation}})
load_from = 'zoo:multiscale-blind'
train_cfg = dict(max_iters=max_iters, val_interval=max_iters)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, begin=0, end=100, by_epoch=False),
    dict(type='CosineAnnealingLR', eta_min_ratio=1e-3, begin=100, end=max_iters, T_max=max_iters - 100, by_epoch=False),
]

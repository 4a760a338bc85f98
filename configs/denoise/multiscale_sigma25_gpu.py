# Train for sigma 25 on one GPU, with photos, patches and noise on the device, compiled (projects/zoo/train.sh --gpu
# runs several levels side by side).
_base_ = './multiscale_sigma25_refined.py'
max_iters = 60_000
model = dict(compile=True)
train_dataloader = dict(batch_size=64, dataset=dict(seeded_noise=False))
train_cfg = dict(max_iters=max_iters, val_interval=20_000)
optim_wrapper = dict(optimizer=dict(lr=2e-3, fused=True))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, begin=0, end=500, by_epoch=False),
    dict(type='CosineAnnealingLR', eta_min_ratio=1e-3, begin=500, end=max_iters, T_max=max_iters - 500, by_epoch=False),
]
auto_scale_lr = dict(base_batch_size=64)

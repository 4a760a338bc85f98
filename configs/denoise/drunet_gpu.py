# Train one DRUNet for sigma 0 to 60, with the level as input, for half an hour on a GPU:
# python -m projects.zoo train drunet.
_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/denoisers/drunet.py',
    '../_base_/datasets/bsds432_resident.py',
    '../_base_/schedules/denoise_refined.py',
]
max_iters = 30_000
model = dict(
    compile=True,
    degradation=dict(type='GaussianNoise', sigma=(0, 60)),
    losses=dict(reconstruction=dict(type='ReconstructionLoss', distance='l1')),
)
train_dataloader = dict(batch_size=32, dataset=dict(patch_size=128, seeded_noise=False))
train_cfg = dict(max_iters=max_iters, val_interval=10_000)
optim_wrapper = dict(optimizer=dict(lr=3e-4, fused=True))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, begin=0, end=500, by_epoch=False),
    dict(type='CosineAnnealingLR', eta_min_ratio=1e-3, begin=500, end=max_iters, T_max=max_iters - 500, by_epoch=False),
]
default_hooks = dict(checkpoint=dict(interval=-1, minutes=10, save_last=True))
auto_scale_lr = dict(base_batch_size=32)

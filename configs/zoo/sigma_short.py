# Train for one noise level from the weights of a neighbouring one, in ten minutes of a CPU core: python -m projects.zoo
# train multiscale-sigma35 and so on.
_base_ = './sigma.py'
max_iters = 1000
model = dict(compile=False)
train_dataloader = dict(batch_size=16, dataset=dict(seeded_noise=True))
load_from = 'zoo:multiscale-sigma50'
train_cfg = dict(max_iters=max_iters, val_interval=500)
optim_wrapper = dict(optimizer=dict(lr=3e-4, fused=False))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, begin=0, end=50, by_epoch=False),
    dict(type='CosineAnnealingLR', eta_min_ratio=1e-3, begin=50, end=max_iters, T_max=max_iters - 50, by_epoch=False),
]
custom_hooks = [dict(type='EMAHook', momentum=5e-3, update_buffers=True)]

# One noise level, from the blind weights: python -m projects.zoo train multiscale-sigma25 and so on.
_base_ = './blind.py'
max_iters = 2500
model = dict(
    degradation=dict(_delete_=True, type='GaussianNoise', sigma=25, grey=True),
    losses=dict(reconstruction=dict(balance=None)),
)
load_from = 'zoo:multiscale-blind'
train_cfg = dict(max_iters=max_iters, val_interval=max_iters)
optim_wrapper = dict(optimizer=dict(lr=5e-4))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, begin=0, end=100, by_epoch=False),
    dict(type='CosineAnnealingLR', eta_min_ratio=1e-3, begin=100, end=max_iters, T_max=max_iters - 100, by_epoch=False),
]

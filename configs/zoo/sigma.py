# Train for one noise level from the blind weights: python -m projects.zoo train multiscale-sigma25 and so on. For a
# GPU.
_base_ = './blind.py'
max_iters = 6500
model = dict(
    degradation=dict(_delete_=True, type='GaussianNoise', sigma=25, grey=True),
    losses=dict(reconstruction=dict(balance=None)),
)
train_cfg = dict(max_iters=max_iters, val_interval=max_iters)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, begin=0, end=200, by_epoch=False),
    dict(type='CosineAnnealingLR', eta_min_ratio=1e-3, begin=200, end=max_iters, T_max=max_iters - 200, by_epoch=False),
]

# Train a row of Table I at sigma 35, from random weights. All rows have the same short schedule, patches and noise.
# python -m projects.zoo train table1/scales3_enc128_dec256 and so on.
_base_ = '../study/breadth.py'
max_iters = 1200
model = dict(degradation=dict(_delete_=True, type='GaussianNoise', sigma=35))
load_from = None
train_cfg = dict(max_iters=max_iters, val_interval=max_iters // 3)
optim_wrapper = dict(optimizer=dict(lr=2e-3))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, begin=0, end=100, by_epoch=False),
    dict(type='CosineAnnealingLR', eta_min_ratio=1e-3, begin=100, end=max_iters, T_max=max_iters - 100, by_epoch=False),
]
custom_hooks = [dict(type='EMAHook', momentum=1e-2, update_buffers=True)]

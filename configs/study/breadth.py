# A short training from the blind weights of round 0 (load_from in projects/zoo/plan.py), to compare what makes them
# carry over to other photos: those of BSDS432 that are not held out, colours and noise as they always were.
_base_ = '../zoo/blind.py'
max_iters = 400
model = dict(
    denoiser=dict(norm_eval=False),
    degradation=dict(weights=[1.0, 0.0, 0.0]),
    losses=dict(reconstruction=dict(balance=None)),
    compile=False,
)
train_dataloader = dict(
    batch_size=12,
    dataset=dict(
        _delete_=True,
        type='DeviceResidentPatches',
        patch_size=64,
        seeded_noise=True,
        colour=dict(type='RandomColour'),
        dataset={{_base_.photos}},
    ),
)
train_cfg = dict(max_iters=max_iters, val_interval=max_iters)
optim_wrapper = dict(optimizer=dict(lr=8e-4, fused=False))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, begin=0, end=40, by_epoch=False),
    dict(type='CosineAnnealingLR', eta_min_ratio=1e-3, begin=40, end=max_iters, T_max=max_iters - 40, by_epoch=False),
]
custom_hooks = [dict(type='EMAHook', momentum=1e-2, update_buffers=True)]

# A short training for comparing what makes a denoiser for recognition carry over to networks that it was not trained
# through (projects/zoo/plan.py): through EfficientNet-Lite0, judged by SqueezeNet.
_base_ = '../zoo/recognition_blind.py'
max_iters = 300
train_cfg = dict(max_iters=max_iters, val_interval=10_000)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, begin=0, end=30, by_epoch=False),
    dict(type='CosineAnnealingLR', eta_min_ratio=1e-3, begin=30, end=max_iters, T_max=max_iters - 30, by_epoch=False),
]
custom_hooks = [dict(type='EMAHook', momentum=1e-2, update_buffers=True)]

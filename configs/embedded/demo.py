# Train the demo's denoiser through EfficientNet-Lite0 from the published blind weights, in two minutes on two CPU
# cores.
_base_ = './joint_efficientnet_lite0_sigma30.py'
model = dict(
    denoiser=dict(norm_eval=True),
    losses=dict(perceptual=dict(weight=0.06), task=dict(weight=0.06)),
)
optim_wrapper = dict(optimizer=dict(lr=3e-4))
load_from = 'zoo:multiscale-blind'
train_cfg = dict(max_iters=45)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.05, begin=0, end=10, by_epoch=False),
    dict(type='CosineAnnealingLR', eta_min_ratio=0.01, begin=10, end=45, T_max=35, by_epoch=False),
]
test_dataloader = dict(dataset=dict(stride=50))

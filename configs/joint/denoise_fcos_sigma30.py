# Train a denoiser before the frozen detector, on the detector's photos. Start it from a denoiser trained alone:
# load_from=CHECKPOINT.
_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/denoisers/multiscale.py',
    '../_base_/schedules/study_joint.py',
    '../_base_/datasets/voc2012_boxes.py',
]
max_iters = 300
model = dict(
    degradation=dict(type='GaussianNoise', sigma=30),
    task=dict(
        type='TorchvisionTask',
        model='fcos_efficientnet_lite0',
        arguments=dict(num_classes=7),
        checkpoint='work_dirs/fcos_voc2012/iter_800.pth',
    ),
    losses=dict(
        reconstruction=dict(type='ReconstructionLoss', distance='l1', pixel_range=1.0),
        perceptual=dict(type='PerceptualLoss', layers='backbone.body.blocks.2', weight=0.02),
        task=dict(type='TaskLoss', weight=0.02),
    ),
)
train_dataloader = dict(batch_size=4)
default_hooks = dict(logger=dict(interval=20), checkpoint=dict(interval=100))
val_dataloader = None
val_cfg = None
test_evaluator = [dict(type='ImageQuality'), dict(type='ScoreMetric', score='CocoAP')]
train_cfg = dict(max_iters=max_iters)
optim_wrapper = dict(optimizer=dict(lr=5e-4))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.05, begin=0, end=20, by_epoch=False),
    dict(type='CosineAnnealingLR', eta_min_ratio=0.01, begin=20, end=max_iters, T_max=max_iters - 20, by_epoch=False),
]

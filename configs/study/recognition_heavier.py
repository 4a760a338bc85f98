# Continue the published weights for recognition with three times the weight on the networks' terms, on a CPU. On the
# photos held out it brought nothing (docs/training_notes.md).
_base_ = '../zoo/recognition_blind.py'
max_iters = 1400
model = dict(
    losses=dict(
        lite0=dict(weight=0.1),
        lite0_features=dict(weight=0.1),
        squeezenet=dict(weight=0.1),
        squeezenet_features=dict(weight=0.1),
        segmenter=dict(weight=0.1),
        segmenter_features=dict(weight=0.1),
        vgg16=dict(weight=0.1),
    ),
    compile=False,
)
train_dataloader = dict(batch_size=6, dataset=dict(seeded_noise=True))
load_from = 'zoo:recognition-blind'
train_cfg = dict(max_iters=max_iters, val_interval=max_iters)
optim_wrapper = dict(optimizer=dict(lr=1e-4, fused=False))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, begin=0, end=50, by_epoch=False),
    dict(type='CosineAnnealingLR', eta_min_ratio=1e-3, begin=50, end=max_iters, T_max=max_iters - 50, by_epoch=False),
]

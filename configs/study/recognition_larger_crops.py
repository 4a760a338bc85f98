# Continue the published weights for recognition on crops of 192 pixels, on a GPU. On the photos held out it brought
# nothing, with these weights of the networks' terms or with three times as heavy ones (docs/training_notes.md).
_base_ = '../zoo/recognition_blind.py'
max_iters = 1000
model = dict(compile=False)
train_dataloader = dict(batch_size=8, dataset=dict(patch_size=192))
load_from = 'zoo:recognition-blind'
train_cfg = dict(max_iters=max_iters, val_interval=max_iters)
optim_wrapper = dict(optimizer=dict(lr=4e-4))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, begin=0, end=100, by_epoch=False),
    dict(type='CosineAnnealingLR', eta_min_ratio=1e-3, begin=100, end=max_iters, T_max=max_iters - 100, by_epoch=False),
]

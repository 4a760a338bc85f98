# A short training for comparing recipes (projects/paper/studies/recipe.py): 400 photos of BSDS432 to train on,
# the other 32 to choose by.
_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/denoisers/multiscale.py',
    '../_base_/datasets/bsds432_resident.py',
    '../_base_/schedules/denoise_modern.py',
]
max_iters = 400
model = dict(
    degradation=dict(type='GaussianNoise', sigma=30),
    losses=dict(reconstruction=dict(type='ReconstructionLoss', distance='l1')),
)
photos = dict(
    type='PhotoFolder', data_root={{_base_.data_root}}, folder='bsds432', how_to_get='docs/data.md says how to get it.'
)
train_dataloader = dict(batch_size=16, dataset=dict(dataset=dict(indices=400)))
val_dataloader = dict(
    dataset=dict(
        _delete_=True, **photos, name='held_out', indices=list(range(400, 432)), pipeline={{_base_.test_pipeline}}
    )
)
test_dataloader = None
test_evaluator = None
test_cfg = None
train_cfg = dict(max_iters=max_iters, val_interval=max_iters)
optim_wrapper = dict(optimizer=dict(lr=2e-3))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, begin=0, end=40, by_epoch=False),
    dict(type='CosineAnnealingLR', eta_min_ratio=1e-3, begin=40, end=max_iters, T_max=max_iters - 40, by_epoch=False),
]
custom_hooks = [dict(type='EMAHook', momentum=2e-2, update_buffers=True)]

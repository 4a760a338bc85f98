# Train recognition-blind further at a constant rate. It stops after three checks in a row in which EfficientNet-Lite0's
# mean probability of its own answer, on held-out photos, grows by less than 0.1 points. For a GPU:
# python -m projects.zoo train recognition-long.
_base_ = './recognition_blind.py'
model = dict(temperature=3.0)  # the best of the study (docs/training_notes.md)
load_from = 'zoo:recognition-blind'
max_iters = 20000
train_cfg = dict(max_iters=max_iters, val_interval=500)
optim_wrapper = dict(optimizer=dict(lr=1e-4))
param_scheduler = [dict(type='LinearLR', start_factor=0.01, begin=0, end=200, by_epoch=False)]
# The labels are each network's own answers on the clean photos.
val_evaluator = [
    dict(type='ImageQuality', measures=['PSNR']),
    dict(type='TaskMetric', task='lite0', metric=dict(type='ScoreMetric', score='Confidence')),
    dict(type='TaskMetric', task='squeezenet', metric=dict(type='ScoreMetric', score='Confidence')),
]
# Any check may be the last step.
default_hooks = dict(checkpoint=dict(interval=500, max_keep_ckpts=4))
custom_hooks = [
    dict(type='EMAHook', momentum=2e-3, update_buffers=True),
    dict(type='EarlyStoppingHook', monitor='lite0/confidence', rule='greater', min_delta=0.1, patience=3),
]

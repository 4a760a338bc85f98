# Train a denoiser for your own network on a folder of your own photos without labels: set `photos` and the task. It
# starts from the published weights for recognition. The network's class probabilities on each clean photo are the
# labels. A tenth of the folder is held out for validation.
_base_ = [
    'semrestore::_base_/default_runtime.py',
    'semrestore::_base_/denoisers/multiscale.py',
    'semrestore::_base_/degradations/blind.py',
    'semrestore::_base_/tasks/efficientnet_lite0.py',
    'semrestore::_base_/datasets/own_photos.py',
    'semrestore::_base_/schedules/own_photos.py',
]
photos = 'photos'
model = dict(
    denoiser=dict(norm_eval=True),
    degradation={{_base_.degradation}},
    task={{_base_.task}},
    supervision='soft',
    losses=dict(
        reconstruction=dict(type='ReconstructionLoss', distance='l1', balance=0.05, weight=2.0),
        task=dict(type='TaskLoss', weight=0.1),
    ),
)
default_hooks = dict(logger=dict(interval=20), checkpoint=dict(interval=500))
load_from = 'zoo:recognition-blind'
train_dataloader = dict(dataset=dict(dataset=dict(folder=photos)))
val_dataloader = dict(dataset=dict(folder=photos))
test_dataloader = val_dataloader

# Train the denoiser alone on the embedded photos, in a minute on two CPU cores.
_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/denoisers/multiscale.py',
    '../_base_/datasets/embedded.py',
    '../_base_/tasks/efficientnet_lite0.py',
    '../_base_/schedules/embedded.py',
]
model = dict(
    degradation=dict(type='GaussianNoise', sigma=30),
    task={{_base_.task}},
    supervision='self',
    losses=dict(reconstruction=dict(type='ReconstructionLoss', distance='l1')),
)
val_evaluator = [dict(type='ImageQuality'), dict(type='mmpretrain.Accuracy', topk=(1,))]
test_evaluator = val_evaluator

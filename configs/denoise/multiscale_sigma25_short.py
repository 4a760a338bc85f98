# Train for sigma 25 in an hour on two CPU cores, with --amp.
_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/denoisers/multiscale.py',
    '../_base_/datasets/bsds432.py',
    '../_base_/schedules/denoise_short.py',
]
model = dict(
    degradation=dict(type='GaussianNoise', sigma=25),
    losses=dict(reconstruction=dict(type='ReconstructionLoss', distance='l1')),
)
train_dataloader = dict(num_workers=1)

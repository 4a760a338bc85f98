# Train for Tables II and III at sigma 25, with a modern schedule.
_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/denoisers/multiscale.py',
    '../_base_/datasets/bsds432.py',
    '../_base_/schedules/denoise_modern.py',
]
model = dict(
    degradation=dict(type='GaussianNoise', sigma=25),
    losses=dict(reconstruction=dict(type='ReconstructionLoss', distance='l1')),
)
auto_scale_lr = dict(base_batch_size=32)  # --auto-scale-lr: for another batch

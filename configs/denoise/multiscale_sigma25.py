# Train for Tables II and III at sigma 25, with the printed schedule.
_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/denoisers/multiscale_released.py',
    '../_base_/datasets/bsds432.py',
    '../_base_/schedules/denoise_paper.py',
]
model = dict(
    degradation=dict(type='GaussianNoise', sigma=25),
    losses=dict(reconstruction=dict(type='ReconstructionLoss', distance='mse', pixel_range=255.0)),
)

# Continue multiscale_sigma25_short.py (load_from) with larger patches, in 40 minutes on two CPU cores with --amp.
_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/denoisers/multiscale.py',
    '../_base_/datasets/bsds432_resident.py',
    '../_base_/schedules/denoise_refined.py',
]
model = dict(
    degradation=dict(type='GaussianNoise', sigma=25),
    losses=dict(reconstruction=dict(type='ReconstructionLoss', distance='l1')),
)
train_dataloader = dict(batch_size=18, dataset=dict(patch_size=64))
auto_scale_lr = dict(base_batch_size=18)  # --auto-scale-lr: for another batch

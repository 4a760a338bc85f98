# Run MCWNNM with a known noise level.
_base_ = ['../_base_/default_runtime.py', '../_base_/denoisers/multiscale.py', '../_base_/datasets/bsds432.py']
model = dict(denoiser=dict(_delete_=True, type='MCWNNM'), degradation=dict(type='GaussianNoise', sigma=25))
train_dataloader = None  # there is nothing to train

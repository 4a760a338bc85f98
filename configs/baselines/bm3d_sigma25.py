# Run colour BM3D on the CPU. Its package is for non-commercial use only: pip install 'semrestore[baselines]'.
_base_ = ['../_base_/default_runtime.py', '../_base_/denoisers/multiscale.py', '../_base_/datasets/bsds432.py']
model = dict(denoiser=dict(_delete_=True, type='BM3D'), degradation=dict(type='GaussianNoise', sigma=25))
train_dataloader = None  # there is nothing to train

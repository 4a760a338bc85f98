# Evaluate a denoiser on photographs of real noise. Weights: tools/test.py configs/evaluation/cc15.py CKPT.
_base_ = ['../_base_/default_runtime.py', '../_base_/denoisers/multiscale.py', '../_base_/datasets/cc15.py']
model = dict(degradation=dict(type='FromPairs'))

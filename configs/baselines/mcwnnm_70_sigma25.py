# Run MCWNNM with the authors' 70 patches a group, which surpasses their published figures (docs/denoisers.md).
_base_ = './mcwnnm_sigma25.py'
model = dict(denoiser=dict(num_similar=70))

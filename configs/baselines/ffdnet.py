# Train one FFDNet for noise levels from 0 to 75, like the authors'; evaluate it with --sigma.
_base_ = '../denoise/multiscale_sigma25_modern.py'
model = dict(denoiser=dict(_delete_=True, type='FFDNet'), degradation=dict(sigma=(0, 75)))

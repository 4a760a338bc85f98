# FFDNet, told the noise level: one network for 0 to 75, as the authors'; evaluate with --sigma.
_base_ = '../denoise/multiscale_sigma25_modern.py'
model = dict(denoiser=dict(_delete_=True, type='FFDNet'), degradation=dict(sigma=(0, 75)))

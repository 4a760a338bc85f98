# MCWNNM for the noise of camera photographs, whose level it estimates for each channel (tools/study/real_noise.py).
_base_ = './mcwnnm_sigma25.py'
model = dict(denoiser=dict(num_similar=70, iterations=2, feedback=0.0, estimation_scale=2, estimation_factor=2.0, admm_steps=4))

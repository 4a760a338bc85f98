# Train like joint_deeplabv3_mobilenetv2_sigma30, on mixed noise; load_from is the denoiser of study/denoise_mixture.
_base_ = ['./joint_deeplabv3_mobilenetv2_sigma30.py', '../_base_/degradations/mixture.py']
model = dict(degradation={{_base_.degradation}})

# Train the pixel-trained blind denoiser further for recognition, through four frozen networks at once, by class
# probabilities and features on clean photos without labels. For a GPU: python -m projects.zoo train recognition-blind.
_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/denoisers/multiscale.py',
    '../_base_/degradations/blind.py',
    '../_base_/tasks/several.py',
    '../_base_/datasets/recognition.py',
    '../_base_/schedules/denoise_refined.py',
]
max_iters = 2500
model = dict(
    denoiser=dict(norm_eval=True),
    degradation={{_base_.degradation}},
    tasks={{_base_.tasks}},
    supervision='soft',
    losses={{_base_.losses}},
    compile=True,
)
train_dataloader = dict(batch_size=16, dataset=dict(seeded_noise=False))
load_from = 'work_dirs/weights/multiscale-blind-b0114760.safetensors'
train_cfg = dict(max_iters=max_iters, val_interval=500)
optim_wrapper = dict(optimizer=dict(lr=2e-4, fused=True))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, begin=0, end=200, by_epoch=False),
    dict(type='CosineAnnealingLR', eta_min_ratio=1e-3, begin=200, end=max_iters, T_max=max_iters - 200, by_epoch=False),
]
default_hooks = dict(checkpoint=dict(interval=-1, minutes=10, save_last=True))

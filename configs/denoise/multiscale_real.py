# Train for photographs of any camera and noise level: from blind weights (load_from), on a camera's noise
# (docs/degradations.md). Then multiscale_real_annealed.py. On photographs: tools/test.py configs/evaluation/cc15.py
# CKPT.
_base_ = ['./multiscale_blind_refined.py', '../_base_/degradations/any_camera.py']
max_iters = 1500
model = dict(
    degradation=dict(
        _delete_=True,
        type='RandomDegradation',
        choices=[{{_base_.camera_fine_jpeg}}, {{_base_.camera_coarse_jpeg}}, {{_base_.camera}}],
        weights=[0.8, 0.1, 0.1],
    )
)
# A photograph at the sensor's resolution is smoother from pixel to pixel than BSDS's small ones: those are enlarged,
# too (3 GB in memory).
train_dataloader = dict(dataset=dict(scales=(1.0, 1.5, 2.0, 3.0)))
load_from = 'zoo:multiscale-blind'
train_cfg = dict(max_iters=max_iters, val_interval=1000)
param_scheduler = [dict(type='LinearLR', start_factor=0.01, begin=0, end=100, by_epoch=False)]

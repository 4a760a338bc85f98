# Train for photographs of any camera and noise level: from blind weights (load_from), on a camera's noise
# (docs/degradations.md). Then multiscale_real_annealed.py. On photographs: tools/test.py configs/evaluation/cc15.py
# CKPT.
_base_ = './multiscale_blind_refined.py'
max_iters = 1500
# Nearly white in luma, blurred and strong in colour, strongest in the middle tones; then JPEG, which rounds the finest
# of it to nothing.
camera = dict(
    type='CameraNoise',
    shot=(4e-4, 2e-2),
    smooth=(0.1, 0.8),
    chroma=(0.8, 3.0),
    chroma_smooth=(0.6, 3.5),
    tone=(0.3, 1.0),
    centred=True,
    quantise=True,
)
model = dict(
    degradation=dict(
        _delete_=True,
        type='RandomDegradation',
        choices=[
            dict(type='DegradationChain', steps=[camera, dict(type='JPEG', quality=(92, 98))]),
            dict(type='DegradationChain', steps=[camera, dict(type='JPEG', quality=(80, 92))]),
            camera,
        ],
        weights=[0.8, 0.1, 0.1],
    )
)
# A photograph at the sensor's resolution is smoother from pixel to pixel than BSDS's small ones: those are enlarged,
# too (3 GB in memory).
train_dataloader = dict(dataset=dict(scales=(1.0, 1.5, 2.0, 3.0)))
load_from = 'zoo:multiscale-blind'
train_cfg = dict(max_iters=max_iters, val_interval=1000)
param_scheduler = [dict(type='LinearLR', start_factor=0.01, begin=0, end=100, by_epoch=False)]

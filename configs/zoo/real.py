# Train for photographs of any camera and noise level from the blind weights, on a camera's noise
# (docs/degradations.md), on a CPU: python -m projects.zoo train multiscale-real.
_base_ = './blind.py'
max_iters = 2500
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
            dict(type='GaussianNoise', sigma=(0, 5), grey=True),
        ],
        weights=[0.7, 0.1, 0.1, 0.1],
    ),
    losses=dict(reconstruction=dict(balance=None)),
    compile=False,
)
# A photograph at the sensor's resolution is smoother from pixel to pixel than these small ones: they are enlarged, too.
train_dataloader = dict(batch_size=12, dataset=dict(scales=(1.0, 1.5, 2.0, 3.0), seeded_noise=True))
load_from = 'zoo:multiscale-blind'
train_cfg = dict(max_iters=max_iters, val_interval=max_iters)
optim_wrapper = dict(optimizer=dict(lr=4e-4, fused=False))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, begin=0, end=100, by_epoch=False),
    dict(type='CosineAnnealingLR', eta_min_ratio=1e-3, begin=100, end=max_iters, T_max=max_iters - 100, by_epoch=False),
]

# Train for photographs of any camera and noise level from the blind weights, on a camera's noise
# (docs/degradations.md), on a CPU: python -m projects.zoo train multiscale-real.
_base_ = ['./blind.py', '../_base_/degradations/any_camera.py']
max_iters = 2500
model = dict(
    degradation=dict(
        _delete_=True,
        type='RandomDegradation',
        choices=[
            {{_base_.camera_fine_jpeg}},
            {{_base_.camera_coarse_jpeg}},
            {{_base_.camera}},
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
train_cfg = dict(max_iters=max_iters, val_interval=500)
optim_wrapper = dict(optimizer=dict(lr=4e-4, fused=False))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, begin=0, end=100, by_epoch=False),
    dict(type='CosineAnnealingLR', eta_min_ratio=1e-3, begin=100, end=max_iters, T_max=max_iters - 100, by_epoch=False),
]

# Sigma 25 on one GPU, several noise levels side by side (tools/train_zoo.sh --gpu): photos, patches and noise on the device, compiled.
_base_ = './multiscale_sigma25_modern.py'
data_root = '{{$SEMRESTORE_DATA:data}}'
max_iters = 60_000
model = dict(compile=True)
train_dataloader = dict(
    batch_size=64,
    num_workers=0,
    persistent_workers=False,
    dataset=dict(
        _delete_=True,
        type='DeviceResidentPatches',
        patch_size=64,
        seeded_noise=False,
        dataset=dict(type='PhotoFolder', data_root=data_root, folder='bsds432', pipeline=[dict(type='LoadPhoto')]),
    ),
)
train_cfg = dict(max_iters=max_iters, val_interval=20_000)
optim_wrapper = dict(optimizer=dict(lr=2e-3, fused=True))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, begin=0, end=500, by_epoch=False),
    dict(type='CosineAnnealingLR', eta_min_ratio=1e-3, begin=500, end=max_iters, T_max=max_iters - 500, by_epoch=False),
]
auto_scale_lr = dict(base_batch_size=64)

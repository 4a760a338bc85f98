# Train jointly with EfficientNet-Lite0 on the embedded photos, from a denoiser trained alone (load_from), as the demo
# does.
_base_ = './denoise_sigma30.py'
model = dict(
    losses=dict(
        # lambda_P and lambda_H hold on the scale of pixel_range.
        reconstruction=dict(type='ReconstructionLoss', distance='l1', pixel_range=1.0, _delete_=True),
        perceptual=dict(type='PerceptualLoss', layers='model.blocks.2', weight=0.02),
        task=dict(type='TaskLoss', weight=0.02),
    ),
)
train_dataloader = dict(
    batch_size=4,
    dataset=dict(
        dataset=dict(
            pipeline=[
                dict(type='LoadPhoto', cache=True),
                dict(type='mmpretrain.RandomCrop', crop_size=160),
                dict(type='RandomDihedral'),
                dict(type='mmpretrain.PackInputs', meta_keys=('img_path', 'name', 'dataset_name')),
            ]
        )
    ),
)
train_cfg = dict(max_iters=200)
optim_wrapper = dict(optimizer=dict(lr=5e-4))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.05, begin=0, end=10, by_epoch=False),
    dict(type='CosineAnnealingLR', eta_min_ratio=0.01, begin=10, end=200, T_max=190, by_epoch=False),
]

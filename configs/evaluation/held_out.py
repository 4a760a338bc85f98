# Choose a recipe on 48 photos that no training of the plan but drunet's uses (python -m projects.zoo): as they are
# (middle squares), with twice the saturation at half the size, and in grey with grey noise.
_base_ = ['../_base_/default_runtime.py', '../_base_/denoisers/multiscale.py', '../_base_/datasets/broad.py']
data_root = '{{$SEMRESTORE_DATA:data}}'
model = dict(degradation=dict(type='GaussianNoise', sigma=25, grey=True))
middle = [dict(type='LoadPhoto'), dict(type='mmpretrain.CenterCrop', crop_size=192)]
alterations = dict(
    held_out=middle,
    held_out_saturated=[
        dict(type='LoadPhoto'),
        dict(type='mmcv.Resize', scale_factor=0.5, interpolation='area'),
        dict(type='RandomColour', saturate=1.0, saturation=2.0),
    ],
    held_out_grey=[*middle, dict(type='RandomColour', grey=1.0)],
)
test_dataloader = dict(
    dataset=dict(
        datasets=[
            dict(
                type='PhotoFolder',
                data_root=data_root,
                folder=folder,
                indices=list(range(0, count, count // 24)),
                name=name,
                how_to_get='docs/data.md says how to get it.',
                pipeline=[*pipeline, {{_base_.packing}}],
            )
            for name, pipeline in alterations.items()
            for folder, count in (('bsds432', 432), ('unlabelled628', 624))
        ]
    )
)
test_evaluator = [dict(type='ImageQuality', measures=['PSNR'])]

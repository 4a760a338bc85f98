# Evaluate on the test sets as they are, with twice the saturation at half the size, and in grey with grey noise (python
# -m projects.zoo breadth).
_base_ = ['../_base_/default_runtime.py', '../_base_/denoisers/multiscale.py', '../_base_/datasets/broad.py']
data_root = '{{$SEMRESTORE_DATA:data}}'
model = dict(degradation=dict(type='GaussianNoise', sigma=25, grey=True))
load = [dict(type='LoadPhoto')]
alterations = dict(
    plain=load,
    saturated=[
        *load,
        dict(type='mmcv.Resize', scale_factor=0.5, interpolation='area'),
        dict(type='RandomColour', saturate=1.0, saturation=2.0),
    ],
    grey=[*load, dict(type='RandomColour', grey=1.0)],
)
test_dataloader = dict(
    dataset=dict(
        datasets=[
            dict(
                type='PhotoFolder',
                data_root=data_root,
                folder=folder,
                name=f'{folder}_{alteration}',
                how_to_get='docs/data.md says how to get it.',
                pipeline=[*pipeline, {{_base_.packing}}],
            )
            for folder in ('cbsd68', 'kodak24')
            for alteration, pipeline in alterations.items()
        ]
    )
)
test_evaluator = [dict(type='ImageQuality', measures=['PSNR'])]

# Measure PSNR and SSIM on whole images for python -m projects.zoo: Kodak, CBSD68 and the three embedded test photos.
_base_ = ['../_base_/default_runtime.py', '../_base_/denoisers/multiscale.py', '../_base_/datasets/bsds432.py']
model = dict(degradation=dict(type='GaussianNoise', sigma=25))
test_dataloader = dict(
    dataset=dict(
        datasets=[
            {{_base_.kodak24}},
            {{_base_.cbsd68}},
            dict(type='EmbeddedPhotos', split='val', name='embedded', pipeline={{_base_.test_pipeline}}),
        ]
    )
)

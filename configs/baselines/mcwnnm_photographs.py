# Run MCWNNM on camera photographs, with a noise estimate for each channel; tested on cc15.
_base_ = '../evaluation/cc15.py'
model = dict(
    denoiser=dict(
        _delete_=True,
        type='MCWNNM',
        num_similar=70,
        iterations=2,
        feedback=0.0,
        estimation_scale=2,
        estimation_factor=2.0,
        admm_steps=4,
    )
)

# White noise of any level up to 60. Grey images have grey noise, a tenth of the images is clean or nearly so, and in a
# few the channels' noise has something in common.
degradation = dict(
    type='RandomDegradation',
    choices=[
        dict(type='GaussianNoise', sigma=(0, 60), grey=True),
        dict(type='GaussianNoise', sigma=(0, 5), grey=True),
        dict(type='GaussianNoise', sigma=(0, 60), correlation=(0, 1), grey=True),
    ],
    weights=[0.85, 0.1, 0.05],
)

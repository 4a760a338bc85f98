# Train for one noise level from the blind weights: python -m projects.zoo train multiscale-sigma25 and so on. For a
# GPU.
_base_ = './blind.py'
model = dict(
    degradation=dict(_delete_=True, type='GaussianNoise', sigma=25, grey=True),
    losses=dict(reconstruction=dict(balance=None)),
)

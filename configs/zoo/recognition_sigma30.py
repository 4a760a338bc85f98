# Train for recognition at sigma 30 alone: python -m projects.zoo train recognition-sigma30.
_base_ = './recognition_blind.py'
model = dict(
    degradation=dict(_delete_=True, type='GaussianNoise', sigma=30, grey=True),
    losses=dict(reconstruction=dict(balance=None, weight=1.0)),
)

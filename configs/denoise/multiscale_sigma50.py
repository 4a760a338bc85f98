# Train for Tables II and III at sigma 50, with the printed schedule.
_base_ = './multiscale_sigma25.py'
model = dict(degradation=dict(sigma=50))

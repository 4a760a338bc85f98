# Train for Tables II and III at sigma 50, with a modern schedule.
_base_ = './multiscale_sigma25_modern.py'
model = dict(degradation=dict(sigma=50))

# Sigma 30 from weights of sigma 25 (load_from).
_base_ = './multiscale_sigma25_refined.py'
model = dict(degradation=dict(sigma=30))

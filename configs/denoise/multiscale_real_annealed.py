# The end of multiscale_real.py, from its weights (load_from): the learning rate falls to nothing.
_base_ = './multiscale_real.py'
max_iters = 1000
train_cfg = dict(max_iters=max_iters)
load_from = None
param_scheduler = [dict(type='CosineAnnealingLR', eta_min_ratio=1e-3, begin=0, end=max_iters, T_max=max_iters, by_epoch=False)]

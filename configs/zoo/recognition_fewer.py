# Train like recognition_blind.py without SqueezeNet and the segmenter, so that both can judge.
_base_ = './recognition_blind.py'
model = dict(
    tasks=dict(_delete_=True, lite0={{_base_.tasks.lite0}}, vgg16={{_base_.tasks.vgg16}}),
    losses=dict(
        _delete_=True,
        reconstruction={{_base_.model.losses.reconstruction}},
        lite0={{_base_.model.losses.lite0}},
        lite0_features={{_base_.model.losses.lite0_features}},
        vgg16={{_base_.model.losses.vgg16}},
    ),
)

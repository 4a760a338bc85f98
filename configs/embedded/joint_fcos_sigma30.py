# Train jointly with a detector on the embedded photos, in minutes and without a download. Its checkpoint is
# fcos_voc2012.py's; with model.task.checkpoint=random the way is the same, and the detector finds nothing.
_base_ = './joint_efficientnet_lite0_sigma30.py'
classes = ('cat', 'cow', 'dog', 'horse', 'person', 'sheep')
model = dict(
    task=dict(
        _delete_=True,
        type='TorchvisionTask',
        model='fcos_efficientnet_lite0',
        arguments=dict(num_classes=7),
        checkpoint='work_dirs/fcos_voc2012/iter_800.pth',
    ),
    losses=dict(perceptual=dict(layers='backbone.body.blocks.2')),
)
# Whole photos; boxes drawn by hand. Training goes by the detector's own boxes on the clean crops (supervision='self').
val_dataloader = dict(
    batch_size=1,
    dataset=dict(
        _delete_=True,
        type='EmbeddedBoxes',
        split='val',
        classes=classes,
        pipeline=[dict(type='LoadPhoto'), dict(type='PackBoxes')],
    ),
)
test_dataloader = val_dataloader
val_evaluator = [dict(type='ImageQuality'), dict(type='ScoreMetric', score='CocoAP')]
test_evaluator = val_evaluator

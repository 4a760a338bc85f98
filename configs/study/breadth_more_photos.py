# Train like breadth.py, with the photos of unlabelled628 at half their size.
_base_ = './breadth.py'
train_dataloader = dict(
    dataset=dict(
        dataset=dict(_delete_=True, type='ConcatDataset', datasets=[{{_base_.photos}}, {{_base_.more_photos}}])
    )
)

# Train like breadth.py, with every second photo also at half its size.
_base_ = './breadth.py'
train_dataloader = dict(
    dataset=dict(
        dataset=dict(_delete_=True, type='ConcatDataset', datasets=[{{_base_.photos}}, {{_base_.photos_halved}}])
    )
)

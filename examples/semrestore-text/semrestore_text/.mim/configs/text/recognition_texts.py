# The same trained by the true texts (CTC): whole lines, one at a time, since they differ in width.
_base_ = './recognition.py'
model = dict(supervision='labels')
train_dataloader = dict(
    batch_size=1, dataset=dict(dataset=dict(pipeline=[dict(type='LoadPhoto', cache=True), dict(type='PackText')]))
)

# Train like recognition.py, with the features of the original VGG-16 at relu3_3 as well.
_base_ = './recognition.py'
model = dict(tasks=dict(vgg16={{_base_.tasks.vgg16}}), losses=dict(vgg16={{_base_.losses.vgg16}}))

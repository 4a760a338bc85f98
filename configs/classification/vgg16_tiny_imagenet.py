# Train VGG-16 itself on clean photos of Tiny ImageNet, the network that joint/denoise_vgg16_tiny_imagenet_sigma30.py
# freezes. It starts from the original VGG-16 up to relu3_3 (projects/paper/start_vgg16.py), whose first two stages stay
# as they are. Crops of 48 pixels take half the time of whole images, and to enlarge the view when testing does no harm
# (Touvron et al., NeurIPS 2019).
_base_ = ['../_base_/default_runtime.py', '../_base_/tasks/vgg16_tiny_imagenet.py']
model = {{_base_.task.model}}
load_from = 'work_dirs/vgg16_start.pth'
# Loaded as BGR, which the preprocessing of OpenMMLab's models expects.
data_root = '{{$SEMRESTORE_DATA:data}}/tiny_imagenet'
train_dataloader = dict(
    batch_size=128,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='StreamSampler', shuffle=True),
    collate_fn=dict(type='default_collate'),
    dataset=dict(
        type='StreamDataset',
        dataset=dict(
            type='mmpretrain.CustomDataset',
            data_root=data_root,
            data_prefix='train',
            extensions=('.webp',),
            pipeline=[
                dict(type='LoadPhoto', channel_order='bgr'),
                dict(type='mmpretrain.RandomResizedCrop', scale=48, crop_ratio_range=(0.3, 1.0)),
                dict(type='RandomFlip', prob=0.5, direction='horizontal'),
                dict(type='mmpretrain.PackInputs'),
            ],
        ),
    ),
)
val_dataloader = dict(
    batch_size=100,
    num_workers=1,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='mmpretrain.CustomDataset',
        data_root=data_root,
        data_prefix='val',
        extensions=('.jpeg',),
        pipeline=[dict(type='LoadPhoto', channel_order='bgr'), dict(type='mmpretrain.PackInputs')],
    ),
)
test_dataloader = val_dataloader
val_evaluator = [dict(type='mmpretrain.Accuracy', topk=(1, 5))]
test_evaluator = val_evaluator
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
max_iters = 6000  # 19 times through the 40,000 photos: an hour on two CPU cores with --amp
train_cfg = dict(type='IterBasedTrainLoop', max_iters=max_iters, val_interval=max_iters)
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=0.05, momentum=0.9, nesterov=True, weight_decay=5e-4),
    paramwise_cfg=dict(
        norm_decay_mult=0.0,
        bias_decay_mult=0.0,
        custom_keys={'features.6': dict(lr_mult=0.3), 'features.7': dict(lr_mult=0.3), 'features.8': dict(lr_mult=0.3)},
    ),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, begin=0, end=200, by_epoch=False),
    dict(type='CosineAnnealingLR', eta_min=0, begin=200, end=max_iters, T_max=max_iters - 200, by_epoch=False),
]

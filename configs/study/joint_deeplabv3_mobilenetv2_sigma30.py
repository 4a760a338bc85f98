# Run the third step of the study: train jointly with DeepLabv3 on the labelled photos of voc2012, from
# study/denoise_sigma30 (load_from).
_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/denoisers/multiscale.py',
    '../_base_/tasks/deeplabv3_mobilenetv2.py',
    '../_base_/datasets/voc2012.py',
    '../_base_/schedules/study_joint.py',
]
model = dict(
    degradation=dict(type='GaussianNoise', sigma=30),
    task={{_base_.task}},
    supervision='labels',
    losses=dict(
        reconstruction=dict(type='ReconstructionLoss', distance='l1', pixel_range=1.0),
        perceptual=dict(type='PerceptualLoss', layers=['backbone.layer4', 'backbone.layer7'], weight=0.01),
        task=dict(type='TaskLoss', weight=0.02),
    ),
)
train_dataloader = dict(
    batch_size=2,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='StreamSampler', shuffle=True),
    collate_fn=dict(type='pseudo_collate'),
    dataset=dict(
        type='StreamDataset',
        dataset=dict(
            type='mmseg.PascalVOCDataset',
            data_root='{{$SEMRESTORE_DATA:data}}/voc2012',
            data_prefix=dict(img_path='JPEGImages', seg_map_path='SegmentationClass'),
            ann_file='ImageSets/Segmentation/train.txt',
            pipeline=[
                dict(type='LoadPhoto', cache=True),
                dict(type='LoadLabelMap'),
                dict(type='RandomCrop', crop_size=257, pad_if_needed=True),
                dict(type='RandomFlip', prob=0.5, direction='horizontal'),
                dict(type='mmseg.PackSegInputs', meta_keys=('img_path', 'ori_shape', 'img_shape')),
            ],
        ),
    ),
)

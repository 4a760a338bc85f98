# As joint_deeplabv3_mobilenetv2_sigma30, on mixed noise; load_from is the denoiser of study/denoise_mixture.
_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/denoisers/multiscale.py',
    '../_base_/tasks/deeplabv3_mobilenetv2.py',
    '../_base_/datasets/voc2012.py',
    '../_base_/schedules/study_joint.py',
    '../_base_/degradations/mixture.py',
]
model = dict(
    degradation={{_base_.degradation}},
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
    sampler=dict(type='InfiniteSampler', shuffle=True),
    collate_fn=dict(type='pseudo_collate'),
    dataset=dict(
        type='mmseg.PascalVOCDataset',
        data_root='{{$SEMRESTORE_DATA:data}}/voc2012',
        data_prefix=dict(img_path='JPEGImages', seg_map_path='SegmentationClass'),
        ann_file='ImageSets/Segmentation/train.txt',
        pipeline=[
            dict(type='LoadPhoto', cache=True),
            dict(type='mmseg.LoadAnnotations'),
            dict(type='RandomCrop', crop_size=257, pad_if_needed=True),
            dict(type='RandomFlip', prob=0.5, direction='horizontal'),
            dict(type='mmseg.PackSegInputs', meta_keys=('img_path', 'ori_shape', 'img_shape')),
        ],
    ),
)

# Train a denoiser further for CRAFT, which finds text. The labels are its maps of the clean page. `pages` is a folder
# that `python -m semrestore_text.pages` writes, or any folder of scans.
_base_ = 'semrestore::joint/own_photos.py'
pages = '{{$TEXT_PAGES:work/test/pages}}'
model = dict(task=dict(_delete_=True, type='TextDetection'), supervision='self', losses=dict(task=dict(weight=1.0)))
train_dataloader = dict(
    dataset=dict(
        dataset=dict(
            folder=pages,
            pipeline=[
                dict(type='LoadPhoto', cache=True),
                dict(type='mmpretrain.RandomCrop', crop_size=128, pad_if_needed=True, padding_mode='edge'),
                dict(type='PackText'),
            ],
        )
    )
)
test_dataloader = dict(
    dataset=dict(
        _delete_=True, type='PhotoFolder', folder=pages, pipeline=[dict(type='LoadPhoto'), dict(type='PackText')]
    )
)
val_dataloader = test_dataloader
val_evaluator = [dict(type='ImageQuality', measures=['PSNR']), dict(type='ScoreMetric', score='TextMapIoU')]
test_evaluator = val_evaluator

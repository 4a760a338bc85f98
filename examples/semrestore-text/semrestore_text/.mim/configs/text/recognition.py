# Train a denoiser further for EasyOCR's recogniser, which reads lines. `lines` is a folder that
# `python -m semrestore_text.pages` writes. `semrestore fit` takes the task and both pipelines from here.
_base_ = 'semrestore::joint/own_photos.py'
lines = '{{$TEXT_LINES:work/test/lines}}'
model = dict(task=dict(_delete_=True, type='TextRecognition'), supervision='soft', losses=dict(task=dict(weight=0.1)))
train_dataloader = dict(
    dataset=dict(
        dataset=dict(
            _delete_=True,
            type='TextLines',
            folder=lines,
            part='train',
            pipeline=[
                dict(type='LoadPhoto', cache=True),
                # A part of a line; of narrow lines the paper is continued.
                dict(type='mmpretrain.RandomCrop', crop_size=(24, 112), pad_if_needed=True, padding_mode='edge'),
                dict(type='PackText'),
            ],
        )
    )
)
test_dataloader = dict(
    dataset=dict(
        _delete_=True, type='TextLines', folder=lines, pipeline=[dict(type='LoadPhoto'), dict(type='PackText')]
    )
)
val_dataloader = test_dataloader
val_evaluator = [dict(type='ImageQuality', measures=['PSNR']), dict(type='ScoreMetric', score='TextAccuracy')]
test_evaluator = val_evaluator

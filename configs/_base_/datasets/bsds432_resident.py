# As bsds432.py, with the 432 photos decoded once and kept on the device that trains (200 MB): docs/performance.md#data.
_base_ = './bsds432.py'
data_root = '{{$SEMRESTORE_DATA:data}}'
train_dataloader = dict(
    num_workers=0,
    persistent_workers=False,
    dataset=dict(
        _delete_=True,
        type='DeviceResidentPatches',
        patch_size=48,
        dataset=dict(
            type='PhotoFolder',
            data_root=data_root,
            folder='bsds432',
            how_to_get='It holds BSDS500 without the images of CBSD68 (docs/data.md).',
            pipeline=[dict(type='LoadPhoto')],
        ),
    ),
)

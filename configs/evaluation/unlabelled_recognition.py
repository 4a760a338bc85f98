# Choose a gate by networks' agreement with their own answers on 104 clean photos of unlabelled628
# (python -m benchmarks.gates). Denoisers may be trained on them, but no table of results has them.
_base_ = './held_out_recognition.py'
test_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='PhotoFolder',
        data_root='{{$SEMRESTORE_DATA:data}}',
        folder='unlabelled628',
        name='unlabelled',
        indices=list(range(0, 624, 6)),
        pipeline={{_base_.held_out_pipeline}},
    )
)

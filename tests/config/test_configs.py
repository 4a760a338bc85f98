"""Every config is checked and built; what the paper's configs promise is in them; wrong keys are named."""

import pytest

from semrestore.config import load_config
from semrestore.config.embedding import embed
from semrestore.errors import UserError
from semrestore.registry import MODELS
from tests.config.test_every_config import configs

# Paper, Table I: scales, global skip, encoder, decoder, and our weight count in thousands by the rule of
# docs/denoisers.md.
TABLE_1 = {
    'scales2_enc128_dec128': (2, True, 128, 128, 328.9),
    'scales2_enc128_dec256_noskip': (2, False, 128, 256, 726.1),
    'scales2_enc128_dec256': (2, True, 128, 256, 726.1),
    'scales2_enc256_dec256': (2, True, 256, 256, 1146.9),
    'scales3_enc128_dec128': (3, True, 128, 128, 596.2),
    'scales3_enc128_dec256_noskip': (3, False, 128, 256, 1030.2),
    'scales3_enc128_dec256': (3, True, 128, 256, 1030.2),
    'scales3_enc256_dec256': (3, True, 256, 256, 2216.0),
    'scales4_enc128_dec128': (4, True, 128, 128, 1028.3),
    'scales4_enc128_dec256_noskip': (4, False, 128, 256, 1969.2),
    'scales4_enc128_dec256': (4, True, 128, 256, 1969.2),
    'scales4_enc256_dec256': (4, True, 256, 256, 3944.5),
}


# Side of the training crops, which the embedded photos keep.
CROPS = {
    'denoise/multiscale_sigma': 48,
    'baselines': 48,
    'ablation': 48,
    'joint/denoise_vgg16': 224,
    'joint/denoise_deeplab': 321,
}


TASK_TRAINING = ('configs/classification', 'configs/detection', 'configs/segmentation')


@pytest.mark.parametrize('path', [path for path in configs() if not path.values[0].startswith(TASK_TRAINING)])
def test_every_config_of_a_denoiser_can_be_put_on_the_embedded_photos(path, capsys):
    if 'bm3d' in path:
        pytest.importorskip('bm3d', reason='the extra `baselines` is not installed')
    own, cfg = load_config(path), load_config(path, embedded=True)
    (note,) = (line for line in capsys.readouterr().out.splitlines() if line.startswith('embedded: '))
    for loader in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        assert bool(own.get(loader)) == bool(cfg.get(loader)) == (loader in note)
        if cfg.get(loader):
            dataset = cfg[loader].dataset
            assert (dataset.dataset if loader == 'train_dataloader' else dataset).type == 'EmbeddedPhotos'
    if cfg.get('train_dataloader'):
        assert cfg.train_cfg.max_iters == 20
        sides = [side for folder, side in CROPS.items() if path.startswith(f'configs/{folder}')]
        if resident := own.train_dataloader.dataset.get('patch_size'):
            sides = [resident]
        assert not sides or cfg.train_dataloader.dataset.dataset.pipeline[1].crop_size == sides[0]


def test_training_a_task_network_itself_is_not_put_on_the_embedded_photos():
    with pytest.raises(UserError, match=r'deeplab_largefov_voc12aug\.py'):
        load_config('configs/segmentation/deeplab_largefov_voc12aug.py', embedded=True)


@pytest.mark.parametrize('name', TABLE_1)
def test_table_1_configs_are_its_rows(name):
    scales, skip, encoder, decoder, thousands = TABLE_1[name]
    cfg = load_config(f'configs/ablation/{name}.py')
    denoiser = MODELS.build(cfg.model.denoiser)
    assert (denoiser.num_scales, denoiser.global_skip) == (scales, skip)
    assert denoiser.encoders[0].conv.out_channels == encoder
    decoding = denoiser.decoders[0] if scales > 2 else denoiser.bottom
    assert decoding.conv.out_channels == decoder
    weights = sum(parameter.numel() for parameter in denoiser.parameters() if parameter.dim() == 4)
    assert round(weights / 1000, 1) == thousands
    assert cfg.model.degradation.sigma == 35
    assert 'kodak24' in [dataset.name for dataset in cfg.test_dataloader.dataset.datasets]


@pytest.mark.parametrize('sigma', [25, 35, 50])
def test_denoise_configs_have_the_printed_schedule(sigma):
    cfg = load_config(f'configs/denoise/multiscale_sigma{sigma}.py')
    assert cfg.model.degradation.sigma == sigma
    assert (cfg.train_dataloader.batch_size, cfg.train_dataloader.dataset.dataset.pipeline[1].crop_size) == (32, 48)
    assert cfg.train_cfg.max_iters == 1_500_000
    assert (cfg.optim_wrapper.optimizer.type, cfg.optim_wrapper.optimizer.lr) == ('SGD', 1e-4)
    assert (cfg.param_scheduler.milestones, cfg.param_scheduler.gamma) == ([500_000, 1_000_000], 0.1)
    assert [dataset.folder for dataset in cfg.test_dataloader.dataset.datasets] == ['kodak24', 'cbsd68']


@pytest.mark.parametrize(('sigma', 'schedule'), [(15, ''), (30, ''), (45, ''), (60, ''), (30, '_modern')])
def test_joint_configs_have_the_papers_weights(sigma, schedule):
    cfg = load_config(f'configs/joint/denoise_vgg16_sigma{sigma}{schedule}.py')
    losses = cfg.model.losses
    assert cfg.model.degradation.sigma == sigma
    assert (losses.perceptual.weight, losses.task.weight) == (0.5, 0.25)
    assert losses.perceptual.layers == 'backbone.features.8'  # relu3_3, see test_tasks.py
    assert losses.reconstruction.pixel_range == 1.0
    assert cfg.model.supervision == 'labels'
    assert cfg.train_dataloader.dataset.dataset.type == 'mmpretrain.ImageNet'


@pytest.mark.parametrize(('sigma', 'schedule'), [(15, ''), (30, ''), (45, ''), (60, ''), (30, '_modern')])
def test_joint_segmentation_configs_have_the_papers_weights(sigma, schedule):
    cfg = load_config(f'configs/joint/denoise_deeplab_sigma{sigma}{schedule}.py')
    losses = cfg.model.losses
    assert cfg.model.degradation.sigma == sigma
    assert (losses.perceptual.weight, losses.task.weight) == (0.5, 0.5)
    assert losses.perceptual.layers == 'backbone.features.8'  # relu3_3, see test_networks.py
    assert (cfg.train_dataloader.batch_size, cfg.train_dataloader.dataset.dataset.pipeline[2].crop_size) == (6, 321)
    assert cfg.train_dataloader.dataset.dataset.ann_file.endswith('trainaug.txt')


@pytest.mark.parametrize(('name', 'task_weight'), [('vgg16_tiny_imagenet', 0.25), ('largefov_voc2012', 0.5)])
def test_joint_configs_of_the_reproduction_differ_from_the_papers_in_data_and_length_alone(name, task_weight):
    cfg = load_config(f'configs/joint/denoise_{name}_sigma30.py')
    paper = 'vgg16' if 'vgg16' in name else 'deeplab'
    theirs = load_config(f'configs/joint/denoise_{paper}_sigma30_modern.py')
    for key in ('denoiser', 'degradation', 'losses', 'supervision'):
        assert cfg.model[key] == theirs.model[key]
    assert cfg.model.losses.task.weight == task_weight
    assert (cfg.optim_wrapper.optimizer.type, cfg.load_from.partition(':')[0]) == ('AdamW', 'zoo')


def test_data_roots_come_from_the_environment(monkeypatch):
    monkeypatch.delenv('SEMRESTORE_DATA', raising=False)
    assert load_config('configs/denoise/multiscale_sigma25.py').train_dataloader.dataset.dataset.data_root == 'data'
    monkeypatch.setenv('SEMRESTORE_DATA', '/somewhere')
    assert (
        load_config('configs/denoise/multiscale_sigma25.py').train_dataloader.dataset.dataset.data_root == '/somewhere'
    )
    assert (
        load_config('configs/joint/denoise_vgg16_sigma30.py').train_dataloader.dataset.dataset.data_root
        == '/somewhere/imagenet'
    )


def test_options_override_values_of_any_kind():
    options = [
        'model.degradation.sigma=(0,60)',
        'optim_wrapper.optimizer.lr=1e-3',
        'model.denoiser.fusion=sum',
        'val_evaluator.1.topk=(1,)',
    ]
    cfg = load_config('configs/joint/denoise_vgg16_sigma30.py', options)
    assert cfg.model.degradation.sigma == (0, 60)
    assert cfg.optim_wrapper.optimizer.lr == 1e-3
    assert cfg.model.denoiser.fusion == 'sum'
    assert cfg.val_evaluator[1].topk == (1,)


@pytest.mark.parametrize(
    ('option', 'expected'),
    [
        ('model.denoiser.global_skip=false', False),
        ('train_dataloader.pin_memory=True', True),
        ('randomness.deterministic=True', True),
        ('custom_hooks=[]', []),
        ('train_cfg.max_iters=1e5', 1e5),
        ('optim_wrapper.clip_grad.norm_type=1', 1),
        (
            'model.losses.perceptual.layers=[backbone.features.8,backbone.features.5]',
            ['backbone.features.8', 'backbone.features.5'],
        ),
    ],
)
def test_options_can_set_keys_that_the_library_accepts(option, expected):
    value = load_config('configs/joint/denoise_vgg16_sigma30.py', [option])
    for name in option.partition('=')[0].split('.'):
        value = value[name]
    assert value == expected
    assert type(value) is type(expected)


def test_options_have_the_last_word_over_embedded(capsys):
    cfg = load_config('configs/denoise/multiscale_sigma25.py', ['train_cfg.max_iters=3'], embedded=True)
    assert cfg.train_cfg.max_iters == 3


@pytest.mark.parametrize(
    ('option', 'message'),
    [
        ('modle.task=None', r"'modle'.*model"),
        ('model.denoiser.num_scale=4', r"'num_scale'.*num_scales"),
        ('model.denoiser.type=MultiScaleDenoisr', 'MultiScaleDenoiser'),
        ('train_cfg.max_iter.x=1', r"'train_cfg'.*max_iters"),
        ('train_dataloader.batchsize=4', r"'train_dataloader.batchsize'.*batch_size"),
        ('custom_hook=[]', r"'custom_hook'.*custom_hooks"),
        ('val_evaluator.7.topk=1', "'7'"),
        ('model.degradation.sigma', 'KEY=VALUE'),
        ('default_hooks.checkpoint.intervall=5', r"'intervall'.*interval"),
        ('optim_wrapper.clip_grad.foo=1', 'clip_grad'),
        ('env_cfg.foo=1', 'env_cfg'),
        ('randomness.seeds=1', r"'randomness.seeds'.*seed"),
        ('work_dir=a(b,c)', r'a\(b,c\)'),
        ('train_cfg.max_iters=-1', 'train_cfg.max_iters is -1'),
        ('train_cfg.val_interval=0', 'val_interval'),
        ('data_root=elsewhere', "'data_root'"),
    ],
)
def test_a_wrong_key_is_named_with_its_neighbour(option, message):
    with pytest.raises(UserError, match=message):
        load_config('configs/joint/denoise_vgg16_sigma30.py', [option])


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('model = dict(', 'SyntaxError'),
        ('x = 1', 'model'),
        ("model = dict(type='Cascade', denoisr=dict())", r"'denoisr'.*denoiser"),
        ("_base_ = 'nowhere.py'", 'nowhere.py'),
        (
            "model = dict(type='Cascade')\nparam_schedular = []",
            r"'param_schedular'.*param_scheduler",
        ),
        ("model = dict(type='Cascade')\ncompile = True", "'compile'"),
    ],
)
def test_a_broken_config_is_named(tmp_path, text, message):
    path = tmp_path / 'broken.py'
    path.write_text(text)
    with pytest.raises(UserError, match=message) as info:
        load_config(path)
    assert 'broken.py' in str(info.value)


def test_a_config_with_a_web_address_is_refused(tmp_path):
    address = 'https://example.org/config.py'
    with pytest.raises(UserError, match=address):
        load_config(address)
    (tmp_path / 'child.py').write_text(f"_base_ = '{address}'\nmodel = dict(type='Cascade')\n")
    with pytest.raises(UserError, match=r'child\.py'):
        load_config(tmp_path / 'child.py')


@pytest.mark.parametrize(
    'option',
    [
        'model.data_preprocessor.channel_order=bgr',
        'train_dataloader.dataset.dataset.pipeline.0.channel_order=bgr',
        'train_dataloader.dataset.dataset.pipeline.0.type=mmcv.LoadImageFromFile',
    ],
)
def test_photos_in_another_order_of_channels_than_the_preprocessors_are_refused(option):
    path = 'configs/joint/denoise_vgg16_sigma30.py'
    load_config(path)
    with pytest.raises(UserError, match='BGR'):
        load_config(path, [option])


def test_embedding_keeps_the_model_and_the_optimizer():
    path = 'configs/joint/denoise_vgg16_sigma45.py'
    before, after = load_config(path), load_config(path)
    embed(after)
    kept = ('denoiser', 'degradation', 'losses', 'task')
    assert all(before.model[key] == after.model[key] for key in kept)
    assert before.optim_wrapper == after.optim_wrapper
    assert after.model.supervision == 'self'

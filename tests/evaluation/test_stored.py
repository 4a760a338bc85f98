"""Images that are stored degraded: trees in ImageNet-C's and ImageNet-ES's layout, measured without a clean partner."""

import json

import numpy as np
import pytest
import torch
from mmengine.registry import DefaultScope
from PIL import Image

from semrestore.cli import cross_task
from semrestore.cli import test as testing
from semrestore.cli.run import run
from semrestore.config import load_config
from semrestore.datasets import CorruptedFolder
from semrestore.errors import UserError
from semrestore.evaluation import ImageQuality
from semrestore.registry import DATASETS, MODELS
from semrestore.tasks.base import check_class_folders
from tests.common import CLASSIFIER, balance
from tests.repository.test_docs import BLOCK

CONFIG = """
_base_ = ['{root}/configs/_base_/default_runtime.py']
model = dict(
    type='Cascade',
    denoiser=dict(type='MultiScaleDenoiser', encoder_channels=8, decoder_channels=8),
    degradation=dict(type='AlreadyDegraded'),
    task=dict(type='OpenMMLabTask', model={classifier}, checkpoint='{tmp}/net.pth', score='Confidence'),
)
test_dataloader = dict(
    batch_size=2,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='CorruptedFolder', data_root='{tmp}', folder='tree', severities={severities},
        pipeline=[dict(type='LoadPhoto'), dict(type='mmpretrain.PackInputs')],
    ),
)
test_evaluator = [dict(type='ScoreMetric', score='Confidence')]
test_cfg = dict(type='TestLoop')
log_level = 'ERROR'
"""
CLASSES = 'abcdefg'


@pytest.fixture
def tree(tmp_path, photos):
    """Return a function that writes an image of each class below some folders."""
    photo = (photos['coffee'] * 255).byte().permute(1, 2, 0).numpy()

    def write(*conditions, classes=CLASSES):
        for row, condition in enumerate(conditions):
            for column, name in enumerate(classes):
                folder = tmp_path / 'tree' / condition / name
                folder.mkdir(parents=True)
                top, left = 40 * row, 40 * column
                Image.fromarray(photo[top : top + 40, left : left + 40]).save(folder / f'{name}1.png')
        return tmp_path / 'tree'

    return write


def config(tmp_path, root, severities):
    """Write a config of one random network, whose probabilities differ from image to image."""
    task = MODELS.build(dict(type='OpenMMLabTask', model=CLASSIFIER, checkpoint='random', fold_batch_norm=False))
    balance(task, torch.linspace(0, 1, 8).view(-1, 1, 1, 1).expand(-1, 3, 40, 40))
    torch.save(task.network.state_dict(), tmp_path / 'net.pth')
    text = CONFIG.format(root=root, tmp=tmp_path, severities=severities, classifier=CLASSIFIER)
    (tmp_path / 'stored.py').write_text(text)
    return str(tmp_path / 'stored.py')


@pytest.mark.parametrize(
    ('severities', 'conditions'), [(None, ('a-b/c', 'a/b-c')), ((1,), ('noise/fog/1', 'weather/fog/1'))]
)
def test_two_corruptions_of_one_name_are_refused(tree, severities, conditions):
    folder = tree(*conditions)
    with pytest.raises(UserError, match='fog' if severities else 'a-b-c'):
        CorruptedFolder(folder=str(folder), severities=severities)


def test_the_tree_of_imagenet_c_has_its_conditions_and_labels(tree):
    folder = tree('noise/shot_noise/1', 'noise/shot_noise/3', 'weather/fog/1', 'weather/fog/3')
    data = CorruptedFolder(folder=str(folder), severities=(3, 1))
    assert {key: len(found) for key, found in data.conditions.items()} == {
        ('fog', 3): 7,
        ('fog', 1): 7,
        ('shot_noise', 3): 7,
        ('shot_noise', 1): 7,
    }
    info = data.get_data_info(8)
    assert info['img_path'] == str(folder / 'weather/fog/1/b/b1.png')
    assert (info['gt_label'], info['corruption'], info['severity']) == (1, 'fog', 1)


def test_a_tree_without_severities_is_named_by_its_folders(tree):
    folder = tree('auto_exposure/l1/param_1', 'param_control/l5/param_2')
    data = CorruptedFolder(folder=str(folder), severities=None)
    assert list(data.conditions) == [('auto_exposure-l1-param_1', None), ('param_control-l5-param_2', None)]


def test_labels_of_imagenet_are_the_positions_of_its_synsets(tree):
    folder = tree('fog/1', classes=('n01443537', 'n15075141'))  # goldfish, toilet tissue: the second and the last
    data = CorruptedFolder(folder=str(folder), severities=(1,), classes='imagenet')
    assert [data.get_data_info(index)['gt_label'] for index in range(2)] == [1, 999]


@pytest.mark.parametrize(
    ('conditions', 'options', 'message'),
    [
        (('fog/1', 'fog/3', 'snow/1'), dict(severities=(1, 3)), "'snow'.*severity 3"),
        (('fog/1',), {}, "'fog'.*severity 2, 3, 4, 5"),
        (('fog/1',), dict(severities=(1,), corruptions=['fogg']), r"'fogg'.*\bfog\b"),
        (('fog',), {}, 'CORRUPTION/SEVERITY/CLASS/IMAGE'),
        (('',), dict(severities=None), 'CONDITION/CLASS/IMAGE'),
        (('fog/1',), dict(severities=(1,), classes=['a', 'b']), "fog/1/c'"),
        ((), {}, r"/tree'"),
    ],
)
def test_a_tree_that_does_not_fit_is_named(tree, tmp_path, conditions, options, message):
    tree(*conditions)
    with pytest.raises(UserError, match=message):
        CorruptedFolder(data_root=str(tmp_path), folder='tree', **options)


def test_the_matrix_has_a_row_for_each_folder_and_the_numbers_of_the_test_command(tree, tmp_path, request):
    tree('fog/1', 'fog/4', 'snow/1', 'snow/4')
    path = config(tmp_path, request.config.rootpath, (1, 4))
    out = tmp_path / 'out'
    options = ['--tasks', path, '--denoisers', 'noisy', '--out', str(out), '--limit', 'noisy=6']
    assert run(cross_task.main, options[:-2]) == 0
    found = json.loads((out / 'matrix.json').read_text())['records']
    rows = {record['sigma']: record for record in found if record['metric'] == 'confidence'}
    assert list(rows) == ['fog-1', 'fog-4', 'snow-1', 'snow-4']
    assert {(record['images'], record['psnr']) for record in rows.values()} == {(7, None)}
    values = sorted(record['value'] for record in rows.values())
    assert min(np.diff(values)) > 1e-3
    means = json.loads((out / 'corruptions.json').read_text())['records']
    mean = next(record for record in means if record['corruption'] == 'mean')
    assert mean['value'] == pytest.approx(sum(record['value'] for record in rows.values()) / 4)
    assert 'clean' not in mean
    measured = {cell: cell.stat().st_mtime_ns for cell in (out / 'cells').iterdir()}
    fewer = ['--cfg-options', 'test_dataloader.dataset.severities=[4]', "test_dataloader.dataset.corruptions=['snow']"]
    assert run(cross_task.main, [*options[:-2], *fewer]) == 0  # of cells that are there nothing is run again
    assert {cell: cell.stat().st_mtime_ns for cell in (out / 'cells').iterdir()} == measured
    single = tmp_path / 'single.json'
    arguments = [path, 'none', '--work-dir', str(tmp_path / 'log'), '--out', str(single), '--cfg-options']
    arguments += ["test_dataloader.dataset.corruptions=['snow']", 'test_dataloader.dataset.severities=[4]']
    assert run(testing.main, arguments) == 0
    metrics = json.loads(single.read_text())['metrics']
    assert metrics['confidence'] == pytest.approx(rows['snow-4']['value'], abs=1e-4)


def test_the_clean_images_of_a_tree_are_the_row_of_clean_images(tree, tmp_path, request):
    tree('bright', 'dark', 'reference')
    path = config(tmp_path, request.config.rootpath, None)
    options = ['--tasks', path, '--denoisers', 'noisy', '--out', str(tmp_path / 'out')]
    assert run(cross_task.main, [*options, '--cfg-options', 'test_dataloader.dataset.clean=reference']) == 0
    found = json.loads((tmp_path / 'out/matrix.json').read_text())['records']
    rows = {record['sigma']: record['value'] for record in found if record['metric'] == 'confidence'}
    assert list(rows) == ['none', 'bright', 'dark']
    assert min(np.diff(sorted(rows.values()))) > 1e-3
    means = json.loads((tmp_path / 'out/corruptions.json').read_text())['records']
    assert {record['corruption'] for record in means} == {'bright', 'dark', 'mean'}
    mean = next(record for record in means if record['corruption'] == 'mean')
    assert (mean['clean'], mean['value']) == pytest.approx((rows['none'], (rows['bright'] + rows['dark']) / 2))


def test_a_tree_without_its_clean_images_is_named(tree):
    folder = tree('bright')
    with pytest.raises(UserError, match='reference'):
        CorruptedFolder(folder=str(folder), severities=None, clean='reference')


def test_severities_of_a_stored_tree_are_chosen(tree, tmp_path, request, capsys):
    tree('fog/1', 'fog/4')
    path = config(tmp_path, request.config.rootpath, (1, 4))
    options = ['--tasks', path, '--denoisers', 'noisy', '--out', str(tmp_path / 'out'), '--severities']
    assert run(cross_task.main, [*options, '3']) == 2
    assert '--severities' in capsys.readouterr().err
    assert run(cross_task.main, [*options, '4']) == 0
    found = json.loads((tmp_path / 'out/matrix.json').read_text())['records']
    assert {record['sigma'] for record in found} == {'fog-4'}


@pytest.mark.parametrize('more', [['--sigma', '30'], ['--corruptions', 'fog'], ['--denoisers', 'noisy', 'clean']])
def test_options_that_need_clean_images_are_refused(tree, tmp_path, request, capsys, more):
    tree('bright', 'dark')
    path = config(tmp_path, request.config.rootpath, None)
    arguments = ['--tasks', path, '--out', str(tmp_path / 'out'), '--denoisers', 'noisy', *more]
    assert run(cross_task.main, arguments) == 2
    assert 'clean' in capsys.readouterr().err


def test_noise_on_top_of_what_is_degraded_already_is_refused(tree, tmp_path, request, capsys):
    tree('bright', 'dark')
    path = config(tmp_path, request.config.rootpath, None)
    assert run(testing.main, [path, 'none', '--sigma', '30', '--work-dir', str(tmp_path / 'log')]) == 2
    assert '--sigma' in capsys.readouterr().err
    with pytest.raises(ValueError, match='AlreadyDegraded'):
        MODELS.build(dict(type='DegradationChain', steps=[dict(type='AlreadyDegraded'), dict(type='JPEG', quality=50)]))


def test_nothing_is_trained_on_images_without_a_clean_partner(build_cascade, batch):
    with pytest.raises(UserError, match='AlreadyDegraded'):
        build_cascade(degradation=dict(type='AlreadyDegraded'))(**batch, mode='loss')


def test_psnr_of_images_without_a_clean_partner_is_refused(build_cascade, batch):
    cascade = build_cascade(degradation=dict(type='AlreadyDegraded'), losses={}, classifier=None).eval()
    sample = cascade.test_step(batch)[0]
    with pytest.raises(UserError, match='ImageQuality'):
        ImageQuality().process({}, [sample])


def test_the_config_of_the_page_reads_imagenet_c(tree, tmp_path, request, monkeypatch):
    page = (request.config.rootpath / 'docs/evaluation.md').read_text(encoding='utf-8')
    (text,) = (block['text'] for block in BLOCK.finditer(page) if 'datasets/imagenet_c.py' in block['text'])
    monkeypatch.setenv('SEMRESTORE_DATA', str(tmp_path))
    synsets = ('n01443537', 'n15075141')
    tree(*(f'fog/{severity}' for severity in range(1, 6)), classes=synsets).rename(tmp_path / 'imagenet-c')
    for tree_of in ('imagenet_c', 'imagenet_es'):
        (tmp_path / 'imagenet_c.py').write_text(text.replace('datasets/imagenet_c', f'datasets/{tree_of}'))
        cfg = load_config(tmp_path / 'imagenet_c.py')
        assert cfg.test_dataloader.dataset.type == 'CorruptedFolder'
        assert cfg.model.degradation.type == 'AlreadyDegraded'
        if tree_of == 'imagenet_c':
            with DefaultScope.overwrite_default_scope('semrestore'):
                data = DATASETS.build(cfg.test_dataloader.dataset)
            infos = [data.get_data_info(index) for index in range(len(data))]
            found = [(info['corruption'], info['severity'], info['gt_label']) for info in infos]
            assert found == [('fog', severity, label) for severity in range(1, 6) for label in (1, 999)]


def test_class_folders_that_are_not_all_classes_of_the_network_are_refused(tree):
    data = CorruptedFolder(folder=str(tree('fog/1', classes='ag')), severities=(1,))
    with pytest.raises(UserError, match=r'2 class folders.*7 classes.*classes'):
        check_class_folders(data, 7)
    check_class_folders(CorruptedFolder(folder=str(data.folder), severities=(1,), classes=list(CLASSES)), 7)

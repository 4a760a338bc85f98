"""The cross-task matrix: against the libraries' metrics and hand counts, its resumption, its refusals."""

import csv
import json
import re

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.structures import PixelData
from mmpretrain.evaluation import Accuracy
from mmpretrain.structures import DataSample
from mmseg.evaluation import IoUMetric
from mmseg.structures import SegDataSample
from PIL import Image

from semrestore.acceleration import InferenceDenoiser
from semrestore.cli import cross_task
from semrestore.cli import test as testing
from semrestore.cli.run import run
from semrestore.errors import UserError
from semrestore.evaluation import Confidence, MeanIoU, ScoreMetric, TopK
from semrestore.evaluation import rows as stored_cells
from semrestore.evaluation.cross_task import gaussian_noises, run_cells
from semrestore.evaluation.matrix import Cell, Matrix, bootstrap, interval
from semrestore.evaluation.methods import Method
from semrestore.evaluation.report import markdown
from semrestore.evaluation.rows import Rows
from semrestore.files import sha256
from semrestore.registry import MODELS
from semrestore.weights.read import save_weights
from semrestore.weights.record import denoiser_record
from tests.common import CLASSIFIER

TASK = """
_base_ = '{root}/configs/embedded/joint_efficientnet_lite0_sigma30.py'
model = dict(denoiser=dict(encoder_channels=16, decoder_channels=16))
test_dataloader = dict(dataset=dict(view=100, stride=200, indices=7))
log_level = 'ERROR'
"""
VIEWS = 7


@pytest.fixture
def task(tmp_path, request):
    path = tmp_path / 'task.py'
    path.write_text(TASK.format(root=request.config.rootpath))
    return path


@pytest.fixture
def checkpoint(tmp_path):
    cascade = torch.nn.ModuleDict(
        dict(denoiser=MODELS.build(dict(type='MultiScaleDenoiser', encoder_channels=16, decoder_channels=16)))
    )
    torch.nn.init.normal_(cascade.denoiser.tail.weight, std=0.01)  # it starts at zero, as an identity
    torch.save(dict(state_dict=cascade.state_dict()), tmp_path / 'sigma30.pth')
    return tmp_path / 'sigma30.pth'


def call(task, out, *arguments):
    return run(cross_task.main, ['--tasks', str(task), '--out', str(out), *map(str, arguments)])


def records(out):
    return {(r['metric'], r['method']): r for r in json.loads((out / 'matrix.json').read_text())['records']}


def test_the_matrix_has_the_numbers_of_the_test_command(task, checkpoint, tmp_path, capsys):
    out = tmp_path / 'out'
    assert call(task, out, '--sigma', 30, '--denoisers', 'noisy', 'clean', f'ours={tmp_path}/sigma{{sigma}}.pth') == 0
    matrix = records(out)
    for method, source in (('noisy', 'none'), ('ours', checkpoint)):
        single = tmp_path / f'{method}.json'
        assert (
            run(testing.main, [str(task), str(source), '--work-dir', str(tmp_path / 'log'), '--out', str(single)]) == 0
        )
        metrics = json.loads(single.read_text())['metrics']
        assert matrix['top-1', method]['value'] == pytest.approx(metrics['accuracy/top1'], abs=1e-4)
        assert matrix['top-1', method]['psnr'] == pytest.approx(metrics['PSNR'], abs=1e-3)
    # The labels are the network's own on the clean photos.
    assert (matrix['top-1', 'clean']['value'], matrix['top-1', 'clean']['psnr']) == (100, None)
    assert {record['images'] for record in matrix.values()} == {VIEWS}
    cells = {cell['method']: cell for cell in json.loads((out / 'matrix.json').read_text())['cells']}
    assert cells['ours']['checkpoint_sha256'] == sha256(checkpoint)
    rows = list(csv.DictReader((out / 'matrix.csv').read_text().splitlines()))
    noisy_rows = [row['method'] for row in rows if (row['metric'], row['sigma']) == ('top-1', '30.0')]
    assert noisy_rows == ['noisy', 'clean', 'ours']
    assert (out / 'matrix.png').stat().st_size > 5000
    assert f'top-1 (%), {VIEWS} images' in (out / 'matrix.md').read_text()
    assert f'top-1 (%), {VIEWS} images' in capsys.readouterr().out


def test_each_of_several_networks_is_a_task_of_the_matrix_by_its_name(task, tmp_path):
    several = tmp_path / 'several.py'
    several.write_text(
        task.read_text().replace('model = dict(', 'lite0 = {{_base_.model.task}}\nmodel = dict(task=None, ')
        + f"""
small = dict(type='OpenMMLabTask', model={CLASSIFIER}, checkpoint='random')
model.update(
    tasks=dict(lite0=lite0, small=small, features=small),
    losses=dict(
        _delete_=True,
        lite0=dict(type='TaskLoss', task='lite0'),
        small=dict(type='TaskLoss', task='small'),
        perceptual=dict(type='PerceptualLoss', task='features', layers='backbone.layer2'),
    ),
)
"""
    )
    for path in (task, several):
        assert call(path, tmp_path / path.stem, '--sigma', 30, '--denoisers', 'noisy', 'clean') == 0
    found = json.loads((tmp_path / 'several/matrix.json').read_text())['records']
    assert {record['task'] for record in found} == {'several-lite0', 'several-small'}  # the third only gives features
    alone = json.loads((tmp_path / 'task/matrix.json').read_text())['records']
    values = [record['value'] for record in found if record['task'] == 'several-lite0']
    assert values == [record['value'] for record in alone]


def test_a_matrix_goes_on_where_it_stopped_and_runs_nothing_twice(task, checkpoint, tmp_path, monkeypatch):
    out, arguments = tmp_path / 'out', ('--sigma', 30, '--denoisers', 'noisy', f'ours={checkpoint}')
    assert call(task, out, *arguments) == 0
    first = records(out)
    cell = out / 'cells/task-ours-sigma30.jsonl'
    lines = cell.read_text().splitlines()
    # As after a kill in the middle of writing the sixth image.
    cell.write_text('\n'.join(lines[:6]) + '\n' + lines[6][:20])
    seen = []
    add = stored_cells.Rows.add
    monkeypatch.setattr(stored_cells.Rows, 'add', lambda self, row: (seen.append(row['image']), add(self, row)))
    assert call(task, out, *arguments) == 0
    assert len(seen) == VIEWS - 5
    assert records(out) == first
    seen.clear()
    assert call(task, out, *arguments) == 0
    assert not seen


def test_rows_that_somebody_changed_are_measured_again_or_named(task, tmp_path, capsys):
    out, arguments = tmp_path / 'out', ('--sigma', 30, '--denoisers', 'noisy')
    assert call(task, out, *arguments) == 0
    first = records(out)
    cell = out / 'cells/task-noisy-sigma30.jsonl'
    lines = cell.read_text().splitlines()
    for damaged in ('{"image": "a"}', '{"image": "a", "psnr": "20", "score": "TopK", "rank": 0}', '[]'):
        cell.write_text('\n'.join([*lines[:4], damaged, *lines[5:]]) + '\n')
        assert call(task, out, *arguments) == 0
        assert records(out) == first
    for damaged in (
        '{"image": "a", "psnr": 20.0, "score": []}',
        '{"image": "a", "psnr": 20.0, "score": "TopK", "rank": "first"}',
    ):
        cell.write_text('\n'.join([lines[0], damaged, *lines[2:]]) + '\n')
        capsys.readouterr()
        assert call(task, out, *arguments) == 2
        assert str(cell) in capsys.readouterr().err


def test_a_cell_of_other_weights_is_run_again(task, checkpoint, tmp_path):
    out, arguments = tmp_path / 'out', ('--sigma', 30, '--denoisers', f'ours={checkpoint}', '--limit', 'ours=2')
    assert call(task, out, *arguments) == 0
    first = records(out)['top-1', 'ours']
    state = torch.load(checkpoint, weights_only=True)['state_dict']
    state['denoiser.tail.bias'] += 0.3
    torch.save(dict(state_dict=state), checkpoint)
    assert call(task, out, *arguments) == 0
    assert records(out)['top-1', 'ours']['psnr'] < first['psnr'] - 3
    assert first['images'] == 2


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['--denoisers', 'nosy'], "'nosy'"),
        (['--denoisers', 'multiscaledenoiser'], 'MultiScaleDenoiser'),
        (['--denoisers', 'ours=nowhere.pth'], "'nowhere.pth'"),
        (['--denoisers', 'clean=x.pth'], "'clean'"),
        (['--denoisers', 'noisy', 'noisy'], '--denoisers'),
        (['--denoisers', 'noisy', '--sigma', '0'], '--sigma: 0'),
        (['--denoisers', 'noisy', '--limit', 'bm3d=4'], "--limit: 'bm3d=4'"),
        (['--denoisers', 'noisy', '--reference', 'nois'], 'noisy'),
    ],
)
def test_arguments_that_do_not_fit_are_refused_before_anything_runs(task, tmp_path, capsys, arguments, message):
    assert call(task, tmp_path / 'out', *arguments) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / 'out').exists()


@pytest.mark.parametrize('noise', ['noisy_jpeg', 'mixture'])
def test_a_method_that_needs_the_noise_level_is_refused_before_anything_runs(task, tmp_path, request, capsys, noise):
    told = dict(type='FFDNet', depth=3, channels=8)
    state = {f'denoiser.{key}': value for key, value in MODELS.build(told).state_dict().items()}
    save_weights(state, tmp_path / 'told.pth', denoiser_record(told))
    path = request.config.rootpath / f'configs/_base_/degradations/{noise}.py'
    arguments = ['--denoisers', 'noisy', f'told={tmp_path}/told.pth', '--noise', f'other={path}']
    assert call(task, tmp_path / 'out', *arguments) == 2
    message = capsys.readouterr().err
    assert "'told'" in message
    assert "'other'" in message
    assert not (tmp_path / 'out').exists()


def test_weights_of_another_network_are_refused(task, tmp_path, capsys):
    torch.save(dict(state_dict={'denoiser.head.weight': torch.zeros(3)}), tmp_path / 'other.pth')
    assert call(task, tmp_path / 'out', '--denoisers', f'ours={tmp_path / "other.pth"}', '--sigma', 30) == 2
    assert 'other.pth' in capsys.readouterr().err


def test_a_config_without_a_task_is_refused(tmp_path, capsys):
    assert call('configs/denoise/multiscale_sigma25.py', tmp_path / 'out', '--denoisers', 'noisy') == 2
    assert 'model.task' in capsys.readouterr().err


def classification_cell(method, ranks, psnr=20.0, sigma=30):
    return Cell(
        'cls', method, sigma, list(range(len(ranks))), [dict(score='TopK', rank=rank, psnr=psnr) for rank in ranks]
    )


def test_top_1_and_top_5_are_mmpretrains():
    samples = [DataSample().set_gt_label(i % 7).set_pred_score(torch.randn(7).softmax(0)) for i in range(40)]
    cell = classification_cell('x', [TopK().row(sample, None)['rank'] for sample in samples])
    predictions = torch.stack([sample.pred_score for sample in samples])
    expected = Accuracy.calculate(predictions, torch.tensor([i % 7 for i in range(40)]), topk=(1, 5))
    assert [cell.value('top-1'), cell.value('top-5')] == pytest.approx([value[0].item() for value in expected])


def test_miou_is_mmsegs():
    samples = []
    for _ in range(5):
        truth = torch.randint(0, 3, (1, 8, 9))
        truth[0, 0] = 255
        sample = SegDataSample(
            gt_sem_seg=PixelData(data=truth), pred_sem_seg=PixelData(data=torch.randint(0, 4, (1, 8, 9)))
        )
        samples.append(sample)
    metric = IoUMetric()
    metric.dataset_meta = dict(classes=('a', 'b', 'c', 'd', 'never there'))
    metric.process({}, [sample.to_dict() for sample in samples])
    expected = metric.compute_metrics(metric.results)['mIoU']
    cell = Cell(
        'seg', 'x', 30, list(range(5)), [dict(score='MeanIoU') | MeanIoU().row(sample, 5) for sample in samples]
    )
    assert cell.value('mIoU') == pytest.approx(expected, abs=0.005)  # mmseg rounds


def test_recovery_difference_and_places_by_hand():
    cells = [
        classification_cell('noisy', [1] * 8 + [0] * 2),
        classification_cell('clean', [0] * 9 + [1], psnr=None, sigma=None),
        classification_cell('alone', [1] * 6 + [0] * 4),
        classification_cell('joint', [1] * 4 + [0] * 6),
        classification_cell('slow', [0, 0]),
    ]
    found = {
        record['method']: record for record in Matrix(cells, [30], 'alone').records() if record['metric'] == 'top-1'
    }
    assert [found[m]['value'] for m in ('noisy', 'clean', 'alone', 'joint', 'slow')] == pytest.approx(
        [20, 90, 40, 60, 100]
    )
    # (60 - 20) / (90 - 20); the slow method's two images are both wrong when noisy and right when clean.
    assert found['joint']['recovery'] == pytest.approx(100 * 40 / 70)
    assert found['slow']['recovery'] == pytest.approx(100)
    assert {m: record['place'] for m, record in found.items()} == dict(
        noisy=None, clean=None, alone=2, joint=1, slow=None
    )
    assert found['joint']['difference'] == pytest.approx(20)
    assert found['slow']['difference'] == pytest.approx(100)
    # The first eight images are wrong when noisy: two of them become right alone, four jointly, and none is spoilt.
    assert [(found[m]['helped'], found[m]['harmed']) for m in ('alone', 'joint', 'slow')] == [(2, 0), (4, 0), (2, 0)]
    assert 'helped' not in found['clean']
    text = markdown(list(found.values()), 'alone')
    assert '**60.0**' in text
    assert '<u>40.0</u>' in text
    assert '(2 images)' in text


def test_the_interval_is_the_binomial_one_where_that_is_known():
    cell = classification_cell('x', [0] * 600 + [1] * 400)
    low, high = interval(*bootstrap('top-1', cell))
    # Normal approximation of the binomial: 60 +- 1.96 * sqrt(60 * 40 / 1000)
    assert (low, high) == pytest.approx((60 - 3.04, 60 + 3.04), abs=0.4)


def test_grouping_equal_images_leaves_the_bootstrap_what_it_is():
    ranks = np.random.randint(0, 3, (2, 300))
    one, other = (classification_cell('x', own.tolist()) for own in ranks)
    draws = np.random.default_rng(1).integers(0, 300, (4000, 300))
    right = (ranks == 0).astype(float)
    plain = 100 * (right[0] - right[1])[draws].mean(1)
    grouped, grouped_other = bootstrap('top-1', one, other)
    assert interval(grouped - grouped_other) == pytest.approx(interval(plain), abs=0.7)


def test_the_interval_of_miou_holds_its_estimate_where_classes_are_rare():
    # One class everywhere, and in each image a false positive of a class of its own.
    rows = []
    for image in range(20):
        intersect, union = [0] * 21, [0] * 21
        intersect[0], union[0], union[image + 1] = 90, 100, 10
        rows.append(dict(score='MeanIoU', intersect=intersect, union=union, psnr=20.0))
    cell = Cell('seg', 'x', 30, list(range(20)), rows)
    assert cell.value('mIoU') == pytest.approx(90 / 21)
    low, high = interval(*bootstrap('mIoU', cell))
    assert low <= cell.value('mIoU') <= high


def test_a_network_of_nans_is_never_right():
    sample = DataSample().set_gt_label(3)
    sample.set_field(torch.full((7,), float('nan')), 'pred_score')
    assert TopK().row(sample, None)['rank'] == 6
    sample.set_field(torch.zeros(7), 'pred_score')  # nor is one that cannot decide
    assert TopK().row(sample, None)['rank'] == 6


def test_confidence_is_the_mean_probability_of_the_right_class():
    samples = [
        DataSample().set_gt_label(1).set_pred_score(torch.tensor([0.25, 0.5, 0.25])),
        DataSample().set_gt_label(0).set_pred_score(torch.tensor([0.125, 0.5, 0.375])),
    ]
    score = Confidence()
    rows = [score.row(sample, 3) for sample in samples]
    counts = np.array([[1, 1], [3, 1]])
    assert score.values('confidence', rows, counts).tolist() == [31.25, 40.625]


def test_a_sample_without_a_label_is_named():
    with pytest.raises(UserError, match=r'x\.png'):
        TopK().row(DataSample(metainfo=dict(img_path='x.png')).set_pred_score(torch.rand(7)), None)


@pytest.mark.parametrize(
    ('source', 'message'),
    [
        (
            'ours=configs/embedded/denoise_sigma30.py',
            'configs/embedded/denoise_sigma30.py',
        ),
        ('ours=nowhere.py', "'nowhere.py'"),
    ],
)
def test_a_denoiser_of_another_config_is_checked_before_anything_runs(task, tmp_path, capsys, source, message):
    assert call(task, tmp_path / 'out', '--denoisers', 'noisy', source, '--sigma', 30) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / 'out').exists()


def test_missing_labels_of_the_data_are_named(tmp_path, capsys, monkeypatch):
    (tmp_path / 'imagenet_samples').mkdir()
    monkeypatch.setenv('SEMRESTORE_DATA', str(tmp_path))
    assert (
        call('configs/evaluation/efficientnet_lite0_imagenet_samples.py', tmp_path / 'out', '--denoisers', 'noisy') == 2
    )
    assert 'labels.txt' in capsys.readouterr().err


def test_a_score_is_a_metric_of_mmengines_too():
    samples = [DataSample().set_gt_label(i % 7).set_pred_score(torch.randn(7).softmax(0)) for i in range(10)]
    metric = ScoreMetric('TopK')
    metric.process({}, [sample.to_dict() for sample in samples])
    cell = classification_cell('x', [TopK().row(sample, None)['rank'] for sample in samples])
    assert metric.compute_metrics(metric.results) == {name: cell.value(name) for name in ('top-1', 'top-5')}


NOISES = """
degradation = dict(type='DegradationChain', steps=[dict(type='GaussianNoise', sigma=20), dict(type='JPEG', quality=30)])
"""


def test_rows_of_other_noise_have_the_numbers_of_the_test_command(task, checkpoint, tmp_path):
    noise = tmp_path / 'stored.py'
    noise.write_text(NOISES)
    out = tmp_path / 'out'
    named = tmp_path / 'stored.pth'
    named.write_bytes(checkpoint.read_bytes())
    methods = ('noisy', 'clean', f'ours={tmp_path}/{{sigma}}.pth')
    assert call(task, out, '--noise', f'stored={noise}', '--denoisers', *methods) == 0
    matrix = records(out)
    assert {record['sigma'] for record in matrix.values()} == {'stored'}
    every = json.loads((out / 'matrix.json').read_text())['records']
    # This denoiser has weights for each noise, so it has none for clean images.
    assert [record['method'] for record in every if (record['sigma'], record['metric']) == ('none', 'top-1')] == [
        'noisy',
        'clean',
    ]
    own = tmp_path / 'own.py'
    steps = "[dict(type='GaussianNoise', sigma=20), dict(type='JPEG', quality=30)]"
    own.write_text(
        f"_base_ = './task.py'\nmodel = dict(degradation=dict(_delete_=True, type='DegradationChain', steps={steps}))\n"
    )
    single = tmp_path / 'single.json'
    assert (
        run(testing.main, [str(own), str(checkpoint), '--work-dir', str(tmp_path / 'log'), '--out', str(single)]) == 0
    )
    metrics = json.loads(single.read_text())['metrics']
    assert matrix['top-1', 'ours']['value'] == pytest.approx(metrics['accuracy/top1'], abs=1e-4)
    assert matrix['top-1', 'ours']['psnr'] == pytest.approx(metrics['PSNR'], abs=1e-3)
    assert '| stored |' in (out / 'matrix.md').read_text()
    cells = json.loads((out / 'matrix.json').read_text())['cells']
    assert {cell['method'] for cell in cells if cell['sigma'] == 'stored' and 'degradation' in cell} == {
        'noisy',
        'ours',
    }
    # With Gaussian rows beside it, and after a change of the noise, which runs that row again.
    stamp = {path.name: path.read_bytes() for path in (out / 'cells').iterdir()}
    noise.write_text(NOISES.replace('quality=30', 'quality=90'))
    assert call(task, out, '--sigma', 30, '--noise', f'stored={noise}', '--denoisers', 'noisy', 'clean') == 0
    changed = {path.name for path in (out / 'cells').glob('*.jsonl') if stamp.get(path.name) != path.read_bytes()}
    assert changed == {'task-noisy-stored.jsonl', 'task-noisy-sigma30.jsonl'}


@pytest.mark.parametrize(
    ('noise', 'message'),
    [
        ('stored', "'stored'"),
        ('stored={tmp}/nowhere.py', "nowhere.py'"),
        ('stored={tmp}/task.py', "task.py'"),
        ('stored={tmp}/wrong.py', 'sigma.*-1'),
    ],
)
def test_an_unknown_noise_is_named(task, tmp_path, capsys, noise, message):
    (tmp_path / 'wrong.py').write_text("degradation = dict(type='GaussianNoise', sigma=-1)")
    assert call(task, tmp_path / 'out', '--noise', noise.format(tmp=tmp_path), '--denoisers', 'noisy') == 2
    assert re.search(message, capsys.readouterr().err)


def test_a_file_of_rows_imports_nothing(tmp_path, monkeypatch):
    (tmp_path / 'evil.py').write_text(f"open({str(tmp_path / 'trap')!r}, 'w')\ndef score(): ...\n")
    monkeypatch.syspath_prepend(tmp_path)
    cell = Cell('task', 'method', 30, [0], [dict(psnr=30.0, score='evil.score')])
    with pytest.raises(UserError, match=r'evil\.score'):
        cell.value('top1')
    assert not (tmp_path / 'trap').exists()


def test_images_are_restored_once_for_all_networks_of_the_same_data(task, checkpoint, tmp_path, monkeypatch):
    other = tmp_path / 'other.py'
    other.write_text("_base_ = './task.py'\nmodel = dict(task=dict(fold_batch_norm=False))\n")
    arguments = ['--sigma', 30, '--denoisers', f'ours={checkpoint}']
    assert call(other, tmp_path / 'alone', *arguments) == 0
    restored = []
    forward = InferenceDenoiser.forward
    monkeypatch.setattr(
        InferenceDenoiser,
        'forward',
        lambda self, noisy, sigma: (restored.extend(noisy), forward(self, noisy, sigma))[1],
    )
    assert call(task, tmp_path / 'both', '--tasks', task, other, *arguments) == 0
    assert len(restored) == 2 * VIEWS  # clean images, too
    alone, both = (
        [json.loads(line) for line in (tmp_path / folder / 'cells/other-ours-sigma30.jsonl').read_text().splitlines()]
        for folder in ('alone', 'both')
    )
    assert both == alone
    # A network that joins later finds the other's cells complete, and runs by itself.
    (tmp_path / 'both/cells/other-ours-sigma30.jsonl').unlink()
    assert call(task, tmp_path / 'both', '--tasks', task, other, *arguments) == 0
    again = (tmp_path / 'both/cells/other-ours-sigma30.jsonl').read_text().splitlines()
    assert [json.loads(line) for line in again] == alone
    assert (tmp_path / 'both/cells/task-ours-sigma30.jsonl').read_text().count('psnr') == VIEWS


def test_with_amp_denoisers_restore_in_bfloat16(task, checkpoint, tmp_path):
    arguments = ['--sigma', 30, '--denoisers', 'noisy', f'ours={checkpoint}']
    assert call(task, tmp_path / 'out', *arguments) == 0
    first = records(tmp_path / 'out')
    assert call(task, tmp_path / 'out', *arguments, '--force-amp') == 0
    second = records(tmp_path / 'out')
    assert second['top-1', 'noisy'] == first['top-1', 'noisy']
    assert 0 < abs(second['top-1', 'ours']['psnr'] - first['top-1', 'ours']['psnr']) < 0.02


def test_a_noise_with_a_range_is_not_measured_twice(task, tmp_path, monkeypatch):
    noise = tmp_path / 'range.py'
    noise.write_text("degradation = dict(type='GaussianNoise', sigma=(0, 60))")
    arguments = ('--noise', f'range={noise}', '--denoisers', 'noisy', '--limit', 'noisy=2')
    assert call(task, tmp_path / 'out', *arguments) == 0
    seen = []
    monkeypatch.setattr(stored_cells.Rows, 'add', lambda self, row: seen.append(row))
    assert call(task, tmp_path / 'out', *arguments) == 0
    assert not seen


def test_a_cell_is_measured_again_if_files_take_the_place_of_others(tmp_path, monkeypatch):
    config = "model = dict(denoiser=dict(type='Identity'), task=dict(type='OpenMMLabTask', model={model!r}))"
    network, photo, weights = tmp_path / 'network.py', tmp_path / 'photos/a.jpg', tmp_path / 'weights'
    photo.parent.mkdir()
    weights.mkdir()
    (weights / 'model.bin').write_bytes(b'one')
    network.write_text('model = dict(data_preprocessor=dict(mean=[1.0, 2.0, 3.0]))')
    photo.write_bytes(b'one')
    (tmp_path / 'task.py').write_text(config.format(model=str(network)))
    cfg = Config.fromfile(tmp_path / 'task.py')
    cfg.model.task.network = str(weights)
    cfg.test_dataloader = dict(dataset=dict(type='PhotoFolder', folder=str(photo.parent)))
    measured = []

    class Bench:  # a network would have to be built and run
        def __init__(self, *arguments, **options): ...

        def run(self, label, cells, *arguments):
            measured.append(label)
            cells['task'].add(dict(image='a', score='TopK', rank=0, psnr=20.0))

    monkeypatch.setattr('semrestore.evaluation.cross_task.Bench', Bench)

    def times():
        measured.clear()
        for _ in range(2):
            (cell,) = run_cells({'task': cfg}, [Method('noisy')], gaussian_noises([30]), tmp_path / 'cells')
            assert cell.value('top-1') == 100
        return len(measured)

    assert times() == 1
    photo.write_bytes(b'other')
    assert times() == 1
    network.write_text('model = dict(data_preprocessor=dict(mean=[0.0, 0.0, 0.0]))')
    assert times() == 1
    (weights / 'model.bin').write_bytes(b'two')
    assert times() == 1
    assert times() == 0


def test_a_row_that_no_method_takes_is_left_out():
    (record,) = [
        record
        for record in Matrix([classification_cell('ours', [0, 1])], ['none', 30]).records()
        if record['metric'] == 'top-1'
    ]
    assert (record['sigma'], record['value']) == (30, 50)


def test_there_is_nothing_to_recover_where_noise_takes_nothing():
    cells = [
        classification_cell('noisy', [0] * 9 + [1]),
        classification_cell('clean', [0] * 8 + [1] * 2, psnr=None, sigma=None),
        classification_cell('ours', [0] * 5 + [1] * 5),
    ]
    assert all(record['recovery'] is None for record in Matrix(cells, [30]).records())


def test_label_maps_without_a_label_are_named():
    row = dict(score='MeanIoU', psnr=30.0, intersect=[0, 0], union=[0, 0])
    with pytest.raises(UserError, match='255'):
        Cell('task', 'method', 30, [0], [row]).value('mIoU')


def test_rows_of_equal_images_are_all_read_back(tmp_path):
    """Images of one name and with equal scores, as two folders may hold them."""
    scored = [dict(image='img', psnr=None, rank=rank) for rank in (0, 0, 3)]
    rows = Rows(tmp_path / 'cell.jsonl', dict(images=4))
    for row in scored:
        rows.add(row)
    assert Rows(tmp_path / 'cell.jsonl', dict(images=4)).rows == scored
    other = Rows(tmp_path / 'cell.jsonl', dict(images=4))  # two runs at once
    for run_ in (rows, other):
        run_.add(dict(image='last', psnr=None, rank=1))
    again = Rows(tmp_path / 'cell.jsonl', dict(images=4))
    assert again.complete
    assert again.rows[2:] == [scored[2], dict(image='last', psnr=None, rank=1)]


def test_pairs_have_a_row_and_a_column_of_clean_images(task, tmp_path, monkeypatch):
    (tmp_path / 'pairs').mkdir()
    for number in range(2):
        image = np.random.default_rng(number).integers(0, 256, (40, 40, 3), dtype=np.uint8)
        Image.fromarray(image).save(tmp_path / f'pairs/{number}_mean.png')
        Image.fromarray(image // 2 + 60).save(tmp_path / f'pairs/{number}_real.png')
    (tmp_path / 'real.py').write_text("degradation = dict(type='FromPairs')\n")
    source = dict(type='PairFolder', data_root=str(tmp_path), folder='pairs')
    packing = dict(type='mmpretrain.PackInputs', meta_keys=('img_path', 'name'))
    source['pipeline'] = [dict(type='LoadPair'), packing]
    (tmp_path / 'pairs.py').write_text(
        f"_base_ = '{task}'\nmodel = dict(degradation=dict(_delete_=True, type='FromPairs'), supervision='self')\n"
        f'test_dataloader = dict(dataset={dict(source, _delete_=True)!r})\n'
    )
    arguments = ['--tasks', str(tmp_path / 'pairs.py'), '--denoisers', 'noisy', 'clean']
    assert run(cross_task.main, [*arguments, '--noise', f'real={tmp_path / "real.py"}', '--out', str(tmp_path)]) == 0
    rows = json.loads((tmp_path / 'matrix.json').read_text())['records']
    found = {(one['method'], one['sigma']): one['value'] for one in rows if one['metric'] == 'top-1'}
    assert found['clean', 'real'] == found['noisy', 'none'] == 100  # its own answers on the clean images


def test_a_difference_on_fewer_images_says_so():
    def cell(method, indices):
        return Cell('task', method, 30, indices, [dict(image=str(i), psnr=20.0, score='TopK', rank=0) for i in indices])

    found = {one['method']: one for one in Matrix([cell('a', [0, 2]), cell('b', [0, 1])], [30], 'a').records()}
    assert found['b']['difference_images'] == 1
    assert '(1 images)' in markdown(list(found.values()), 'a')

"""ImageNet-C's protocol: corruption errors against the article, means by hand, the command, refusals."""

import csv
import json
from importlib.metadata import PackageNotFoundError

import numpy as np
import pytest
import torch

from semrestore import corruptions
from semrestore.cli import cross_task
from semrestore.cli.run import run
from semrestore.corruptions import ALEXNET_CLEAN, ALEXNET_ERRORS, KINDS, SEVERITIES
from semrestore.evaluation import matrix
from semrestore.evaluation.matrix import Cell, Matrix, bootstrap
from semrestore.evaluation.robustness import corruption_error, robustness, robustness_markdown
from semrestore.registry import MODELS

TASK = """
_base_ = '{root}/configs/embedded/joint_efficientnet_lite0_sigma30.py'
model = dict(denoiser=dict(encoder_channels=8, decoder_channels=8))
test_dataloader = dict(dataset=dict(view=64, stride=200, indices=3))
log_level = 'ERROR'
"""
# Hendrycks and Dietterich, ICLR 2019, table 1: ResNet-50's corruption errors in percent, as ALEXNET_ERRORS orders them.
RESNET_50 = (80, 82, 83, 75, 89, 78, 80, 78, 75, 66, 57, 71, 85, 77, 77)
RESNET_50_CLEAN = 0.239
RESNET_50_MCE, RESNET_50_RELATIVE_MCE = 76.7, 105.0
# https://github.com/hendrycks/robustness, in millionths
ALEXNET = (
    *(886428, 894468, 922640, 819880, 826268, 785948, 798360, 866816),
    *(826572, 819324, 564592, 853204, 646056, 717840, 606500),
)
KEY = ('blind', 'top-1')


def call(tmp_path, root, *arguments):
    (tmp_path / 'task.py').write_text(TASK.format(root=root))
    out = tmp_path / 'out'
    return run(cross_task.main, ['--tasks', str(tmp_path / 'task.py'), '--out', str(out), *map(str, arguments)])


def test_the_corruption_error_of_resnet_50_is_the_articles():
    errors = {
        (name, severity): np.array(rate / 100 * ALEXNET_ERRORS[name])
        for name, rate in zip(ALEXNET_ERRORS, RESNET_50, strict=True)
        for severity in SEVERITIES
    }
    found = corruption_error(errors, np.array(RESNET_50_CLEAN))
    assert found['mCE'] == pytest.approx(RESNET_50_MCE, abs=0.3)  # the table rounds each one to a percent
    assert found['relative mCE'] == pytest.approx(RESNET_50_RELATIVE_MCE, abs=2.0)


def test_alexnet_has_a_corruption_error_of_100():
    errors = {(name, severity): np.array(rate) for name, rate in ALEXNET_ERRORS.items() for severity in SEVERITIES}
    found = corruption_error(errors, np.array(ALEXNET_CLEAN))
    assert {name: float(value) for name, value in found.items()} == pytest.approx(dict.fromkeys(found, 100))


def test_alexnets_errors_and_the_groups_are_the_published_ones():
    assert tuple(round(1e6 * error) for error in ALEXNET_ERRORS.values()) == ALEXNET
    names = tuple(ALEXNET_ERRORS)
    assert dict(noise=names[:3], blur=names[3:7], weather=names[7:11], digital=names[11:]) == KINDS


def cell(method, sigma, ranks):
    rows = [dict(image=str(index), score='TopK', rank=rank, psnr=20.0) for index, rank in enumerate(ranks)]
    return Cell('cls', method, sigma, list(range(len(ranks))), rows)


def matrix_of(names, severities):
    """Two images; both right when clean, one under each corruption, none at severity 5."""
    conditions = {(name, severity): f'{name}-{severity}' for name in names for severity in severities}
    cells = [cell('noisy', row, [9, 9] if severity == 5 else [0, 1]) for (_, severity), row in conditions.items()]
    return Matrix([*cells, cell('noisy', 'none', [0, 0])], list(conditions.values())), conditions


def test_means_and_errors_by_hand():
    found = robustness(*matrix_of(ALEXNET_ERRORS, SEVERITIES))
    by_name = {record['corruption']: record for record in found if record['metric'] == 'top-1'}
    fog = by_name['fog']
    assert fog['severities'] == {1: 50, 2: 50, 3: 50, 4: 50, 5: 0}
    assert fog['value'] == pytest.approx(40)
    assert fog['CE'] == pytest.approx(100 * 0.6 / 0.819324)
    assert fog['relative_CE'] == pytest.approx(100 * 0.6 / (0.819324 - 0.4348))
    mean = by_name['mean']
    assert (mean['value'], mean['clean'], mean['relative']) == pytest.approx((40, 100, 40))
    assert mean['CE'] == pytest.approx(100 * sum(0.6 / rate for rate in ALEXNET_ERRORS.values()) / 15)
    # Of two images a resample has the first alone, the second alone, or both: 80, 0 or 40 %.
    assert (mean['low'], mean['high']) == pytest.approx((0, 80))
    text = robustness_markdown(found)
    assert '| noisy | 100.0 | 40.0 [0.0, 80.0] | 40.0 |' in text
    assert '| fog | 50.0 | 50.0 | 50.0 | 50.0 | 0.0 | 40.0 | 73.2 | 156.0 |' in text


def test_the_order_of_the_severities_does_not_matter():
    mean = robustness(*matrix_of(ALEXNET_ERRORS, SEVERITIES[::-1]))[15]
    assert mean['CE'] == pytest.approx(100 * sum(0.6 / rate for rate in ALEXNET_ERRORS.values()) / 15)


def test_a_mean_over_different_images_has_no_interval():
    made, conditions = matrix_of(ALEXNET_ERRORS, SEVERITIES)
    made.cell('cls', 'noisy', 'fog-3').rows[1]['image'] = 'another'
    mean = robustness(made, conditions)[15]
    assert mean['value'] == pytest.approx(40)
    assert not {'low', 'CE_low', 'relative_CE_high'} & mean.keys()
    assert '| noisy | 100.0 | 40.0 | 40.0 |' in robustness_markdown([mean])


@pytest.mark.parametrize(
    ('names', 'severities'), [(tuple(ALEXNET_ERRORS)[:14], SEVERITIES), (ALEXNET_ERRORS, (1, 3, 5))]
)
def test_an_incomplete_set_of_corruptions_or_severities_has_no_mce(names, severities):
    mean = robustness(*matrix_of(names, severities))[len(names)]
    assert mean['corruption'] == 'mean'
    assert 'CE' not in mean
    assert 'relative_CE' not in mean


def test_means_leave_out_the_extra_corruptions_if_there_are_standard_ones():
    conditions = {('fog', 1): 'fog-1', ('saturate', 1): 'saturate-1'}
    made = Matrix([cell('noisy', 'fog-1', [0, 0]), cell('noisy', 'saturate-1', [9, 9])], list(conditions.values()))
    assert robustness(made, conditions)[2]['value'] == 100


def test_what_restoring_does_to_images_under_corruption_by_hand():
    """Four images: noisy is right about two under fog and one under snow, clean about all."""
    conditions = {('fog', 3): 'fog-3', ('snow', 3): 'snow-3'}
    cells = [
        cell('noisy', 'fog-3', [0, 0, 9, 9]),
        cell('blind', 'fog-3', [0, 9, 0, 0]),  # helps two, harms one
        cell('noisy', 'snow-3', [0, 9, 9, 9]),
        cell('blind', 'snow-3', [0, 0, 9, 9]),  # helps one
        cell('clean', None, [0, 0, 0, 0]),
    ]
    found = robustness(Matrix(cells, list(conditions.values()), 'noisy'), conditions)
    records = {record['corruption']: record for record in found if (record['method'], record['metric']) == KEY}
    assert [records[name]['helped'] for name in ('fog', 'snow', 'mean')] == [2, 1, 3]
    assert [records[name]['harmed'] for name in ('fog', 'snow', 'mean')] == [1, 0, 1]
    # (75 - 50) / (100 - 50), (50 - 25) / (100 - 25), and the sum of what was regained over the sum of what was lost.
    assert [records[name]['recovery'] for name in ('fog', 'snow', 'mean')] == pytest.approx([50, 100 / 3, 40])
    assert records['mean']['change'] == pytest.approx(25)
    assert records['mean']['change_low'] <= 25 <= records['mean']['change_high']
    text = robustness_markdown(found, full=False)
    assert '| 40.0 | 3 / 1 |' in text
    assert 'top-5' not in text


def test_the_difference_of_mean_corruption_errors_and_the_calibration_error_by_hand():
    """Two images. Noisy is right about one everywhere, and half sure of each; blind is right about both, and sure."""
    conditions = {(name, severity): f'{name}-{severity}' for name in ALEXNET_ERRORS for severity in SEVERITIES}
    cells = []
    for method, ranks, confidence in (('noisy', [0, 9], 0.5), ('blind', [0, 0], 0.9)):
        for row in conditions.values():
            cells.append(cell(method, row, ranks))
            for one in cells[-1].rows:
                one['confidence'] = confidence
    found = robustness(Matrix(cells, list(conditions.values()), 'noisy'), conditions)
    means = {
        record['method']: record for record in found if (record['metric'], record['corruption']) == ('top-1', 'mean')
    }
    noisy_error = 100 * sum(0.5 / rate for rate in ALEXNET_ERRORS.values()) / 15
    assert means['noisy']['CE'] == pytest.approx(noisy_error)
    for column in ('change', 'difference'):  # the reference is noisy, too
        assert means['blind'][column] == pytest.approx(50)
        assert means['blind'][f'CE_{column}'] == pytest.approx(-noisy_error)
        # A resample has the image that noisy gets wrong twice, once or never: 0 to 100 points more.
        assert (means['blind'][f'{column}_low'], means['blind'][f'{column}_high']) == pytest.approx((0, 100))
    assert means['noisy']['calibration_error'] == pytest.approx(0)  # half right, half sure
    assert means['blind']['calibration_error'] == pytest.approx(10)


def test_a_resample_of_many_images_is_drawn_in_parts_with_the_same_result(monkeypatch):
    cells = [cell('noisy', 'fog', [0, 9, 1, 0, 3]), cell('blind', 'fog', [0, 0, 9, 9, 1])]
    whole = bootstrap('top-1', *cells)
    monkeypatch.setattr(matrix, 'MOST_COUNTS', 7)
    for found, expected in zip(bootstrap('top-1', *cells), whole, strict=True):
        assert found.tolist() == expected.tolist()


def test_groups_of_corruptions_have_their_means():
    names = ('gaussian_noise', 'shot_noise', 'impulse_noise', 'fog')
    ranks = {'gaussian_noise': [0, 0], 'shot_noise': [0, 9], 'impulse_noise': [9, 9], 'fog': [0, 0]}
    conditions = {(name, 1): name for name in names}
    found = robustness(Matrix([cell('noisy', name, ranks[name]) for name in names], list(names)), conditions)
    values = {record['corruption']: record['value'] for record in found if record['metric'] == 'top-1'}
    assert values['noise'] == pytest.approx(50)
    assert 'weather' not in values  # not all four were measured


def test_mean_performance_of_a_segmenter_under_corruption_by_hand():
    def areas(method, sigma, intersect):
        rows = [dict(score='MeanIoU', intersect=[count], union=[10], psnr=20.0) for count in intersect]
        return Cell('seg', method, sigma, [0, 1], rows)

    conditions = {('fog', 1): 'fog-1', ('fog', 2): 'fog-2'}
    cells = [areas('noisy', 'fog-1', (6, 4)), areas('noisy', 'fog-2', (2, 0)), areas('noisy', 'none', (8, 8))]
    fog, mean = robustness(Matrix(cells, list(conditions.values())), conditions)
    assert fog['severities'] == pytest.approx({1: 50, 2: 10})
    assert (mean['value'], mean['clean'], mean['relative']) == pytest.approx((30, 80, 37.5))
    assert 'CE' not in fog


def test_the_command_writes_every_corruption_and_severity(tmp_path, request, capsys):
    pytest.importorskip('imagecorruptions')
    torch.manual_seed(0)
    denoiser = MODELS.build(dict(type='MultiScaleDenoiser', encoder_channels=8, decoder_channels=8))
    torch.save({f'denoiser.{key}': value for key, value in denoiser.state_dict().items()}, tmp_path / 'ours.pth')
    arguments = ['--denoisers', 'noisy', 'clean', f'ours={tmp_path}/ours.pth', '--severities', 5, 1]
    root = request.config.rootpath
    assert call(tmp_path, root, *arguments, '--corruptions', 'contrast', 'speckle_noise') == 0
    out = tmp_path / 'out'
    assert '### task, top-1 (%) under corruption, 3 images' in capsys.readouterr().out
    cells = {path.stem for path in (out / 'cells').iterdir()}
    rows = ('contrast-1', 'contrast-5', 'speckle_noise-1', 'speckle_noise-5', 'none')
    assert cells == {f'task-{method}-{row}' for method in ('noisy', 'ours') for row in rows} | {'task-clean'}
    found = json.loads((out / 'corruptions.json').read_text())['records']
    mean = next(record for record in found if (record['method'], record['corruption']) == ('noisy', 'mean'))
    assert mean['clean'] == 100  # the labels are the network's own on the clean photos
    table = list(csv.DictReader((out / 'corruptions.csv').read_text().splitlines()))
    assert len(table) == len(found) == 2 * 2 * 3
    assert {'severity_1', 'severity_5'} <= set(table[0])
    assert (out / 'corruptions.png').stat().st_size > 5000
    found = json.loads((out / 'matrix.json').read_text())['records']
    assert {record['sigma'] for record in found} == set(rows)
    # Every method saw the same bytes: this denoiser starts as an identity.
    paths = [out / f'cells/task-{method}-speckle_noise-5.jsonl' for method in ('noisy', 'ours')]
    noisy, ours = ([json.loads(line)['psnr'] for line in path.read_text().splitlines()[1:]] for path in paths)
    assert ours == pytest.approx(noisy)


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['--corruptions', 'imagenet_c'], 'imagenet-c'),
        (['--corruptions', 'gausian_noise'], 'gaussian_noise'),
        (['--corruptions', 'fog', '--severities', '0'], '--severities'),
        (['--corruptions', 'fog', '--severities', '6'], '--severities'),
        (['--severities', '3'], '--corruptions'),
        (['--noise', 'none=configs/_base_/degradations/noisy_jpeg.py'], "'none'"),
    ],
)
def test_an_invalid_corruption_option_is_refused_before_anything_runs(tmp_path, request, capsys, arguments, message):
    assert call(tmp_path, request.config.rootpath, '--denoisers', 'noisy', *arguments) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / 'out').exists()


def test_a_missing_extra_is_named_before_anything_runs(tmp_path, request, capsys, monkeypatch):
    def version(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr(corruptions, 'version', version)
    assert call(tmp_path, request.config.rootpath, '--denoisers', 'noisy', '--corruptions', 'fog') == 2
    assert 'semrestore[corruptions]' in capsys.readouterr().err
    assert not (tmp_path / 'out').exists()

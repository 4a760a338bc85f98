"""What restoring does to single images: counts by hand, tests against SciPy and the article, calibration by hand."""

import json
import math

import numpy as np
import pytest
import torch
from mmengine.structures import BaseDataElement, PixelData
from mmpretrain.structures import DataSample
from scipy import stats

from semrestore.cli import cross_task
from semrestore.cli.run import run
from semrestore.evaluation import (
    Confidence,
    DepthAccuracy,
    MeanIoU,
    TopK,
    calibration_error,
    exact_p,
    helped_and_harmed,
)
from semrestore.evaluation.matrix import Cell, Matrix, bootstrap
from semrestore.evaluation.report import markdown
from semrestore.registry import MODELS
from semrestore.weights.read import save_weights
from semrestore.weights.record import denoiser_record

TASK = """
_base_ = '{root}/configs/embedded/joint_efficientnet_lite0_sigma30.py'
model = dict(denoiser=dict(encoder_channels=8, decoder_channels=8))
test_dataloader = dict(dataset=dict(view=64, stride=200, indices=4))
log_level = 'ERROR'
"""


def areas(*pairs):
    """Rows of images in which each class has the intersection and union of a pair."""
    return [dict(intersect=[one for one, _ in image], union=[other for _, other in image]) for image in pairs]


def test_an_image_without_a_true_depth_is_neither_helped_nor_harmed():
    before = [dict(near=40, pixels=100), dict(near=40, pixels=100), dict(near=0, pixels=0)]
    after = [dict(near=46, pixels=100), dict(near=44, pixels=100), dict(near=0, pixels=0)]
    assert helped_and_harmed(DepthAccuracy(), before, after) == (1, 0)  # 6 points count, 4 do not
    assert helped_and_harmed(DepthAccuracy(), before[2:], after[2:]) is None


def test_a_depth_is_near_within_a_factor_of_1_25_and_every_pixel_counts_once():
    def depth(*values):
        return PixelData(data=torch.tensor(values).view(1, 1, -1))

    sample = BaseDataElement(gt_depth_map=depth(0.0, 2, 2, 2, 2), pred_depth_map=depth(9, 2.4, 2.6, 1.61, 1.59))
    rows = [DepthAccuracy().row(sample, None), dict(near=6, pixels=6), dict(near=0, pixels=0)]
    assert rows[0] == dict(near=2, pixels=4)
    samples = np.array([[1, 1, 1], [2, 0, 1], [1, 2, 0], [0, 0, 3]])  # how often each image is drawn
    assert DepthAccuracy().values('delta1', rows, samples).tolist() == pytest.approx([80, 50, 87.5, 0])


def test_helped_and_harmed_by_hand():
    before, after = ([dict(rank=rank) for rank in ranks] for ranks in ((0, 0, 0, 1, 5), (0, 1, 2, 0, 6)))
    assert helped_and_harmed(TopK(), before, after) == (1, 2)


def test_a_segmenter_is_helped_by_more_than_five_points_of_an_images_own_miou():
    # The second class of the first image occurs nowhere in it, so its mIoU is that of the first class.
    before = areas([(50, 100), (0, 0)], [(50, 100), (50, 100)], [(50, 100)], [(50, 100)])
    after = areas([(56, 100), (0, 0)], [(60, 100), (49, 100)], [(44, 100)], [(45, 100)])
    assert [MeanIoU().points(row) for row in before] == [50, 50, 50, 50]
    assert MeanIoU().points(after[1]) == pytest.approx(54.5)
    assert MeanIoU().points(areas([(50, 100), (0, 40)])[0]) == 25  # a class that was missed has 0
    assert helped_and_harmed(MeanIoU(), before, after) == (1, 1)


def test_a_class_that_a_sample_of_the_images_lacks_keeps_its_iou_on_all_of_them():
    rows = areas([(50, 100), (0, 0)], [(0, 0), (30, 40)])
    samples = np.array([[1, 1], [2, 0], [0, 2]])
    assert MeanIoU().values('mIoU', rows, samples).tolist() == [62.5, 62.5, 62.5]


def test_a_score_without_single_images_counts_none():
    assert helped_and_harmed(Confidence(), [dict(probability=0.1)], [dict(probability=0.9)]) is None


@pytest.mark.parametrize(('helped', 'harmed'), [(10, 2), (0, 4), (7, 7)])
def test_mcnemars_test_is_the_binomial_one(helped, harmed):
    fewer = min(helped, harmed)
    expected = min(1, 2 * stats.binom(helped + harmed, 0.5).cdf(fewer))
    assert exact_p(helped, harmed) == pytest.approx(expected)


def test_no_changed_image_is_no_evidence():
    assert exact_p(0, 0) == 1


def test_the_calibration_error_by_hand():
    # Bins are 1/15 wide: 0.90 and 0.92 share the fourteenth (13/15 = 0.867 to 0.933), 0.5 is alone.
    rows = [dict(rank=0, confidence=0.9), dict(rank=3, confidence=0.92), dict(rank=0, confidence=0.5)]
    expected = 100 * (2 / 3 * abs(0.5 - 0.91) + 1 / 3 * abs(1 - 0.5))
    assert calibration_error(rows) == pytest.approx(expected)
    assert calibration_error([dict(rank=0, confidence=1.0)]) == 0
    assert calibration_error([dict(rank=0, confidence=1.0), dict(rank=0)]) is None


def test_a_score_that_knows_no_rank_has_no_calibration_error():
    assert calibration_error([dict(score='Own', confidence=0.5)]) is None


def test_a_row_has_the_probability_of_the_first_guess():
    sample = DataSample().set_gt_label(1).set_pred_score(torch.tensor([0.7, 0.2, 0.1]))
    assert TopK().row(sample, 3) == dict(rank=1, confidence=0.7)
    sample.set_field(torch.full((3,), float('nan')), 'pred_score')
    assert TopK().row(sample, 3)['confidence'] is None


def classified(method, ranks, confidences, sigma=30):
    rows = [
        dict(image=str(index), score='TopK', rank=rank, confidence=confidence, psnr=20.0)
        for index, (rank, confidence) in enumerate(zip(ranks, confidences, strict=True))
    ]
    return Cell('cls', method, sigma, list(range(len(ranks))), rows)


def test_the_matrix_says_what_changed_and_how_sure_that_is():
    noisy = classified('noisy', [1] * 10 + [0] * 10, [0.5] * 20)
    ours = classified('ours', [0] * 8 + [1] * 2 + [0] * 9 + [1], [0.95] * 20)
    found = {r['method']: r for r in Matrix([noisy, ours], [30]).records() if r['metric'] == 'top-1'}
    record = found['ours']
    assert (record['helped'], record['harmed'], record['change']) == (8, 1, pytest.approx(35))
    assert record['change_low'] < 35 < record['change_high']
    assert record['p'] == pytest.approx(2 * (1 + 9) / 2**9)  # one or none of nine
    assert found['noisy']['calibration_error'] == pytest.approx(0)
    assert record['calibration_error'] == pytest.approx(100 * (0.95 - 17 / 20))
    whole, short = (markdown(list(found.values()), full=full) for full in (True, False))
    assert '| 30 | - | 8 / 1 |' in whole
    assert '| 30 | - | 8 / 1 |' in short
    assert 'p = 0.039' in whole
    assert 'p = 0.039' not in short


def test_confidences_do_not_slow_the_bootstrap():
    ranks, sure = [0, 1] * 500, np.linspace(0, 1, 1000)
    # Images of one rank are drawn together, whatever their confidence.
    plain, own = (classified('x', ranks, values) for values in ([0.5] * 1000, sure))
    assert np.array_equal(bootstrap('top-1', plain)[0], bootstrap('top-1', own)[0])


def test_the_row_of_clean_images_is_what_a_restorer_costs(tmp_path, request, capsys):
    (tmp_path / 'task.py').write_text(TASK.format(root=request.config.rootpath))
    denoiser = MODELS.build(dict(type='MultiScaleDenoiser', encoder_channels=8, decoder_channels=8))
    torch.nn.init.normal_(denoiser.tail.weight, std=0.05)
    torch.save({f'denoiser.{key}': value for key, value in denoiser.state_dict().items()}, tmp_path / 'bad.pth')
    told = dict(type='FFDNet', depth=3, channels=8)
    state = {f'denoiser.{key}': value for key, value in MODELS.build(told).state_dict().items()}
    save_weights(state, tmp_path / 'told.pth', denoiser_record(told))
    out = tmp_path / 'out'
    arguments = ['--tasks', tmp_path / 'task.py', '--out', out, '--sigma', 30]
    arguments += ['--denoisers', 'noisy', f'bad={tmp_path}/bad.pth', 'wavelet', f'told={tmp_path}/told.pth']
    assert run(cross_task.main, [*map(str, arguments)]) == 0
    records = json.loads((out / 'matrix.json').read_text())['records']
    clean = {r['method']: r for r in records if (r['sigma'], r['metric']) == ('none', 'top-1')}
    assert set(clean) == {'noisy', 'bad', 'wavelet'}  # the other one has to be told the noise level
    rows = [json.loads(line) for line in next(out.rglob('*-wavelet-none.jsonl')).read_text().splitlines()]
    assert min(row.get('psnr', math.inf) for row in rows) < 60  # told that there is no noise, it would do nothing
    assert clean['noisy']['value'] == 100  # the labels are the network's own on the clean photos
    assert clean['bad']['harmed'] == round((100 - clean['bad']['value']) * 4 / 100)
    assert clean['bad']['psnr'] < 40
    printed = capsys.readouterr().out
    assert 'Images turned from wrong to right' in printed
    assert 'PSNR' not in printed
    assert 'PSNR' in (out / 'matrix.md').read_text()


def test_a_task_is_measured_by_the_score_that_its_config_names(tmp_path, request):
    (tmp_path / 'task.py').write_text(TASK.format(root=request.config.rootpath))
    arguments = ['--tasks', tmp_path / 'task.py', '--out', tmp_path / 'out', '--sigma', 60, '--denoisers', 'noisy']
    assert run(cross_task.main, [*map(str, arguments), '--cfg-options', 'model.task.score=Confidence']) == 0
    records = json.loads((tmp_path / 'out/matrix.json').read_text())['records']
    (record,) = (record for record in records if record['sigma'] == 60)
    (rows,) = (tmp_path / 'out').rglob('*-noisy-sigma60.jsonl')
    lines = map(json.loads, rows.read_text().splitlines())
    probabilities = [line['probability'] for line in lines if 'probability' in line]
    assert (record['metric'], record['images']) == ('confidence', 4)
    assert record['value'] == pytest.approx(100 * sum(probabilities) / 4)

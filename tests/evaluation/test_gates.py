"""Gates: which version of an image they take, by hand; the matrix and DenoiseBefore agree with the rule."""

import json

import pytest
import torch
from torch import nn

from benchmarks import gates
from semrestore.cli import cross_task
from semrestore.cli.run import run
from semrestore.denoisers import Denoiser
from semrestore.errors import UserError
from semrestore.evaluation.gates import Gate, gated, parse_gate
from semrestore.evaluation.matrix import Cell
from semrestore.inference import DenoiseBefore
from semrestore.registry import MODELS

TASK = """
_base_ = '{root}/configs/embedded/joint_efficientnet_lite0_sigma30.py'
model = dict(denoiser=dict(encoder_channels=8, decoder_channels=8))
test_dataloader = dict(dataset=dict(view=64, stride=200, indices=3))
log_level = 'ERROR'
"""
PLAIN = dict(mean=(0, 0, 0), std=(1, 1, 1))


class Halved(Denoiser):
    """Halve the brightness of the images, and count them."""

    seen = 0

    def forward(self, noisy, sigma=None):
        type(self).seen += len(noisy)
        return noisy / 2


class Brightness(nn.Module):
    """Give two classes scores; the brighter the image, the surer the second class."""

    def forward(self, images):
        mean = images.mean((1, 2, 3))
        return torch.stack((torch.zeros_like(mean), 4 * mean), 1)


@pytest.fixture(autouse=True)
def _none_seen():
    Halved.seen = 0


def cell(method, rows, sigma=30):
    rows = [dict(image=str(index), score='TopK', **row) for index, row in enumerate(rows)]
    return Cell('cls', method, sigma, list(range(len(rows))), rows, dict(seed=0))


NOISY = [
    dict(rank=0, confidence=0.9, psnr=30.0, noise=3.0),
    dict(rank=1, confidence=0.4, psnr=20.0, noise=12.0),
    dict(rank=0, confidence=0.5, psnr=20.0, noise=None),
]
RESTORED = [
    dict(rank=1, confidence=0.6, psnr=28.0),
    dict(rank=0, confidence=0.45, psnr=25.0),
    dict(rank=0, confidence=0.7, psnr=26.0),
]


@pytest.mark.parametrize(
    ('gate', 'psnr', 'value'),
    [
        (Gate('noise', 5), (30, 25, 26), 100),  # an image that is too small to estimate is restored
        (Gate('noise', 0), (28, 25, 26), 100 * 2 / 3),
        (Gate('confidence', 0), (30, 25, 26), 100),
        (Gate('confidence', 0.1), (30, 20, 26), 100 * 2 / 3),
    ],
    ids=str,
)
def test_a_gated_cell_has_the_rows_that_the_rule_chooses(gate, psnr, value):
    (found,) = gated([cell('noisy', NOISY), cell('ours', RESTORED)], [('ours', gate)])
    assert found.method == f'ours+{gate}'
    assert [row['psnr'] for row in found.rows] == list(psnr)
    assert found.value('top-1') == pytest.approx(value)


def test_rows_without_noise_or_confidence_are_named():
    old = [cell(method, [dict(rank=0, psnr=20.0)]) for method in ('noisy', 'ours')]
    for gate in (Gate('noise', 5), Gate('confidence')):
        with pytest.raises(UserError, match='cells'):
            gated(old, [('ours', gate)])


def test_scores_that_are_no_numbers_are_named():
    rows = [dict(rank=0, psnr=20.0, confidence=None)]
    with pytest.raises(UserError, match="'0'"):
        gated([cell(method, rows) for method in ('noisy', 'ours')], [('ours', Gate('confidence'))])


@pytest.mark.parametrize('text', ['noise', 'noise:', 'noise:-1', 'noise:256', 'noise:x', 'confidence:2', 'sigma:5', ''])
def test_an_invalid_gate_is_refused(text):
    with pytest.raises(UserError, match='gate: '):
        parse_gate(text, 'gate')


def test_the_matrix_has_a_column_for_each_gate_and_restores_nothing_again(tmp_path, request, capsys):
    (tmp_path / 'task.py').write_text(TASK.format(root=request.config.rootpath))
    denoiser = MODELS.build(dict(type='MultiScaleDenoiser', encoder_channels=8, decoder_channels=8))
    nn.init.normal_(denoiser.tail.weight, std=0.05)
    torch.save({f'denoiser.{key}': value for key, value in denoiser.state_dict().items()}, tmp_path / 'bad.pth')
    out = tmp_path / 'out'
    arguments = ['--tasks', tmp_path / 'task.py', '--out', out, '--sigma', 60]
    arguments += ['--denoisers', 'noisy', f'bad={tmp_path}/bad.pth', '--gate', 'bad=noise:30', 'bad=confidence:1']
    assert run(cross_task.main, [*map(str, arguments)]) == 0
    found = {
        (r['sigma'], r['method']): r
        for r in json.loads((out / 'matrix.json').read_text())['records']
        if r['metric'] == 'top-1'
    }
    by_noise, never = 'bad+noise:30', 'bad+confidence:1'
    # Clean images have less noise than that, and noisy ones more.
    assert found['none', by_noise]['value'] == found['none', 'noisy']['value'] == 100
    assert found[60, by_noise]['psnr'] == found[60, 'bad']['psnr'] != found[60, 'noisy']['psnr']
    assert found[60, never]['psnr'] == found[60, 'noisy']['psnr']
    assert (found['none', by_noise]['harmed'], found['none', by_noise]['helped']) == (0, 0)
    assert {path.stem.split('-')[1] for path in (out / 'cells').iterdir()} == {'noisy', 'bad'}
    capsys.readouterr()
    for rule, message in (('bda=noise:3', 'bda'), ('bad=nois:3', 'nois:3'), ('noisy=noise:3', 'noisy')):
        assert run(cross_task.main, [*map(str, arguments[:-2]), rule]) == 2
        assert message in capsys.readouterr().err


def test_a_denoiser_sees_only_the_noisy_images_of_a_batch(photos):
    clean = photos['coffee'][None, :, :64, :64]
    noisy = clean + 30 / 255 * torch.randn(clean.shape)
    robust = DenoiseBefore(nn.Identity(), Halved(), **PLAIN, gate='noise:15')
    first, second = robust(torch.cat((clean, noisy)))
    assert torch.equal(first, clean[0])
    torch.testing.assert_close(second, noisy[0] / 2)
    assert Halved.seen == 1
    assert torch.equal(robust([clean[0]])[0], clean[0])  # as torchvision's detectors take them


def test_the_gate_takes_the_version_that_the_network_is_surer_of():
    bright, dark = torch.ones(1, 3, 8, 8), torch.full((1, 3, 8, 8), -1.0)  # half of which is brighter
    images = torch.cat((bright, dark))
    network = Brightness()
    # The first guess on -1 is class 0 with 1 / (1 + e^-4) = 0.98, on -0.5 with 0.88: the plain one is surer.
    assert torch.equal(DenoiseBefore(network, Halved(), **PLAIN, gate='confidence')(images), network(images))
    # A margin below zero takes the restored one if it is not much less sure: 0.88 against 0.98.
    robust = DenoiseBefore(network, Halved(), **PLAIN, gate='confidence:-0.2')
    assert torch.equal(robust(images), network(images / 2))


def test_a_confidence_gate_refuses_a_network_without_class_scores(photos):
    robust = DenoiseBefore(nn.Identity(), Halved(), **PLAIN, gate='confidence')
    with pytest.raises(UserError, match='confidence'):
        robust(torch.rand(1, 3, 8, 8))


def test_a_gate_is_compared_with_the_better_of_always_and_never_by_hand():
    all_right = [{**row, 'rank': 0} for row in RESTORED]
    cells = [cell('noisy', NOISY), cell('ours', RESTORED), cell('noisy', NOISY, 60), cell('ours', all_right, 60)]
    common = dict(task='cls', denoiser='ours', kind='noise', images=3, never=66.67)
    # At 30 the second and the third are restored, which mends the second. At 60 the gate misses it: only the third,
    # too small to estimate, is restored. A resample of three images has that second one none to three times.
    assert gates.rows(cells[:2], [('ours', Gate('noise', 5))]) == [
        dict(common, noise='30', restored=2, always=66.67, gated=100, difference=33.33, low=0, high=100)
    ]
    assert gates.rows(cells[2:], [('ours', Gate('noise', 20))]) == [
        dict(common, noise='60', restored=1, always=100, gated=66.67, difference=-33.33, low=-100, high=0)
    ]


@pytest.mark.slow
def test_thresholds_are_chosen_on_some_photos_and_measured_on_others(tmp_path, request):
    for name, first in (('choose', 0), ('measure', 3)):
        text = TASK.format(root=request.config.rootpath).replace('indices=3', f'indices=[{first}, {first + 1}]')
        (tmp_path / f'{name}.py').write_text(text)
    arguments = ['--weights', 'multiscale-blind', '--sigma', '40', '--cells', str(tmp_path / 'cells')]
    arguments += ['--choose-on', str(tmp_path / 'choose.py'), '--measure-on', str(tmp_path / 'measure.py')]
    assert run(gates.main, [*arguments, '--out', str(tmp_path / 'gates.json')]) == 0
    document = json.loads((tmp_path / 'gates.json').read_text())
    assert [name.split(':')[0] for name in document['gates']] == [
        'multiscale-blind+noise',
        'multiscale-blind+confidence',
    ]
    assert {(row['task'], row['noise']) for row in document['rows']} == {('measure', '40')}
    text = gates.table(document)
    assert '| denoiser | network | noise | never | always | gate by noise | gate by confidence |' in text
    assert sum(line.startswith('| multiscale-blind | measure |') for line in text.splitlines()) == 1

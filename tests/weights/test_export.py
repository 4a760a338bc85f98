"""Exported denoisers compute what PyTorch computes, for any batch and size."""

import numpy as np
import pytest
import torch

import semrestore
from semrestore.cli import export
from semrestore.cli.run import run
from semrestore.denoisers import Denoiser
from semrestore.errors import UserError
from semrestore.registry import MODELS
from semrestore.weights import export as library
from semrestore.weights.read import save_weights
from semrestore.weights.record import denoiser_record

onnxruntime = pytest.importorskip(
    'onnxruntime', reason="the extra `onnx` is not installed: pip install 'semrestore[onnx]'"
)
onnx = pytest.importorskip('onnx', reason="the extra `onnx` is not installed: pip install 'semrestore[onnx]'")
pytest.importorskip('onnxscript', reason="the extra `onnx` is not installed: pip install 'semrestore[onnx]'")


@pytest.fixture
def noisy(photos):
    def cut(batch, height, width):
        crops = torch.stack([photos[name][:, :height, :width] for name in ('coffee', 'flower', 'chelsea')[:batch]])
        return crops + 0.1 * torch.randn(crops.shape, generator=torch.Generator().manual_seed(3))

    return cut


PRECISIONS = [([], 1e-4), (['--fp16'], 5e-3)]


@pytest.fixture
def small(tmp_path):
    """A file with a small network that needs the noise level, and the network."""
    torch.manual_seed(0)
    config = dict(type='FFDNet', depth=3, channels=16)
    denoiser = MODELS.build(config).eval()
    state = {f'denoiser.{key}': value for key, value in denoiser.state_dict().items()}
    (tmp_path / 'small').mkdir()
    save_weights(state, tmp_path / 'small/ffdnet.pth', denoiser_record(config))
    return str(tmp_path / 'small/ffdnet.pth'), denoiser


@pytest.mark.slow
@pytest.mark.parametrize(('options', 'tolerance'), PRECISIONS)
def test_onnx_is_the_network_on_photos_of_any_size(tmp_path, noisy, options, tolerance, capsys):
    path = tmp_path / 'model.onnx'
    assert run(export.main, ['zoo:multiscale-sigma25', '--out', str(path), *options]) == 0
    assert 'of PyTorch on 4 photos' in capsys.readouterr().out
    session = onnxruntime.InferenceSession(path, providers=['CPUExecutionProvider'])
    denoiser = semrestore.load_denoiser('multiscale-sigma25')
    for size in ((1, 66, 70), (3, 129, 100), (2, 20, 31), (1, 300, 255)):
        images = noisy(*size)
        (restored,) = session.run(None, dict(noisy=images.numpy()))
        assert restored.dtype == np.float32
        assert np.abs(restored - denoiser(images).numpy()).max() <= tolerance
    assert path.stat().st_size < (2e6 if options else 4e6)
    assert [entry.name for entry in tmp_path.iterdir()] == ['model.onnx']


def test_a_network_that_needs_sigma_has_an_input_for_it(tmp_path, small, noisy):
    path, denoiser = small
    assert run(export.main, [path, '--out', str(tmp_path / 'ffdnet.onnx')]) == 0
    session = onnxruntime.InferenceSession(tmp_path / 'ffdnet.onnx', providers=['CPUExecutionProvider'])
    assert [one.name for one in session.get_inputs()] == ['noisy', 'sigma']
    for size in ((2, 35, 48), (1, 66, 71)):
        images, levels = noisy(*size), torch.tensor([0.1, 0.2])[: size[0]]
        (restored,) = session.run(None, dict(noisy=images.numpy(), sigma=levels.numpy()))
        with torch.no_grad():
            assert np.abs(restored - denoiser(images, levels).numpy()).max() <= 1e-4


@pytest.mark.slow
def test_half_precision_keeps_a_network_that_needs_sigma_and_its_float32_inputs(tmp_path, small, noisy):
    path, denoiser = small
    assert run(export.main, [path, '--out', str(tmp_path / 'half.onnx'), '--fp16']) == 0
    session = onnxruntime.InferenceSession(tmp_path / 'half.onnx', providers=['CPUExecutionProvider'])
    assert [(one.name, one.type) for one in session.get_inputs()] == [
        ('noisy', 'tensor(float)'),
        ('sigma', 'tensor(float)'),
    ]
    for size in ((2, 35, 48), (1, 66, 71)):
        images, levels = noisy(*size), torch.tensor([0.1, 0.2])[: size[0]]
        (restored,) = session.run(None, dict(noisy=images.numpy(), sigma=levels.numpy()))
        with torch.no_grad():
            assert np.abs(restored - denoiser(images, levels).numpy()).max() <= 5e-3
    weights = {one.data_type for one in onnx.load(tmp_path / 'half.onnx').graph.initializer if len(one.dims) == 4}
    assert weights == {onnx.TensorProto.FLOAT16}


@pytest.mark.slow
def test_torch_export_loads_without_semrestores_classes(tmp_path, noisy):
    path = tmp_path / 'model.pt2'
    assert run(export.main, ['zoo:multiscale-sigma25', '--out', str(path)]) == 0
    program = torch.export.load(path).module()
    denoiser = semrestore.load_denoiser('multiscale-sigma25')
    for size in ((1, 66, 70), (3, 129, 100)):
        torch.testing.assert_close(program(noisy(*size)), denoiser(noisy(*size)), rtol=0, atol=1e-4)


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['zoo:multiscale-sigma25', '--out', 'OUT/model.onx'], 'model.onx'),
        (['zoo:multiscale-sigma25', '--out', 'OUT/model.pt2', '--fp16'], '--fp16'),
        (['zoo:multiscale-sigma25', '--out', 'OUT/model.pt2', '--int8'], '--int8'),
        (['zoo:multiscale-sigma25', '--out', 'OUT/model.onnx', '--calibrate', '.'], '--int8'),
        (['zoo:multiscale-sigma25', '--out', 'OUT/model.onnx', '--int8', '--calibrate', 'nowhere'], 'nowhere'),
        (['zoo:multiscale-sigma25', '--out', 'OUT/a.onnx', '--int8', '--before', 'timm:resnet18'], '--int8'),
        (
            ['zoo:multiscale-sigma25', '--out', 'OUT/mine.onnx'],
            '--overwrite',
        ),
        (['zoo:multiscale-sigma25', '--out', 'OUT/mine.onnx/x.onnx'], 'x.onnx'),
        (['zoo:multiscale-sigma26', '--out', 'OUT/model.onnx'], 'multiscale-sigma26'),
        (
            ['none', '--config', 'configs/baselines/wavelet_sigma25.py', '--out', 'OUT/model.onnx'],
            'Wavelet',
        ),
    ],
)
def test_bad_input_is_named_and_nothing_is_left(tmp_path, arguments, message, capsys):
    (tmp_path / 'mine.onnx').write_bytes(b'mine')
    assert run(export.main, [argument.replace('OUT', str(tmp_path)) for argument in arguments]) == 2
    assert message in capsys.readouterr().err
    assert [entry.name for entry in tmp_path.iterdir()] == ['mine.onnx']
    assert (tmp_path / 'mine.onnx').read_bytes() == b'mine'


class Branching(Denoiser):
    """Takes another way for bright images, which no graph can hold."""

    def __init__(self):
        super().__init__()
        self.scale = torch.nn.Parameter(torch.ones(()))

    def forward(self, noisy, sigma=None):
        return noisy * self.scale if noisy.mean() > 0.5 else noisy


def test_an_export_that_fails_says_why_and_writes_nothing(tmp_path):
    with pytest.raises(UserError, match=r'model\.onnx'):
        library.export_denoiser(Branching(), tmp_path / 'model.onnx')
    assert not list(tmp_path.iterdir())


def test_a_file_that_differs_from_pytorch_is_not_kept(tmp_path, small, monkeypatch, capsys):
    monkeypatch.setattr(library, 'TOLERANCE', -1.0)
    assert run(export.main, [small[0], '--out', str(tmp_path / 'model.pt2')]) == 2
    assert '-1' in capsys.readouterr().err
    assert [entry.name for entry in tmp_path.iterdir()] == ['small']

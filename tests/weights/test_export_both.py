"""A denoiser and a network in one file: the scores of both in PyTorch, for any batch."""

import numpy as np
import pytest
import torch
from torchvision.models import squeezenet1_1

from semrestore.cli import export
from semrestore.cli.run import run
from semrestore.denoisers import DnCNN, FFDNet
from semrestore.errors import UserError
from semrestore.inference import DenoiseBefore
from semrestore.registry import MODELS
from semrestore.weights.export_both import DenoiserAndNetwork, export_both

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
SIDE = 64


def task(**preprocessor):
    torch.manual_seed(1)
    return MODELS.build(
        dict(
            type='TorchvisionTask',
            model='squeezenet1_1',
            checkpoint='random',
            data_preprocessor=dict(
                mean=[255 * value for value in MEAN], std=[255 * value for value in STD], **preprocessor
            ),
        )
    )


@pytest.fixture
def denoiser():
    torch.manual_seed(0)
    return DnCNN(depth=3, channels=8).eval()


@pytest.fixture
def images():
    return torch.randn(3, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))


@torch.inference_mode()
def test_the_combined_module_gives_the_result_of_denoise_before(denoiser, images):
    classifier = task()
    network = squeezenet1_1().eval()
    network.load_state_dict(classifier.network.state_dict())
    expected = DenoiseBefore(network, denoiser, MEAN, STD)(images)
    both = DenoiserAndNetwork(denoiser, classifier, SIDE).eval()
    torch.testing.assert_close(both(images), expected, rtol=1e-4, atol=1e-4)
    # BGR: the same photo in the other order of channels, before a network that wants it so.
    swapped = DenoiserAndNetwork(denoiser, task(to_rgb=False), SIDE).eval()
    rgb = images * torch.tensor(STD).view(3, 1, 1) + torch.tensor(MEAN).view(3, 1, 1)
    bgr = (rgb.flip(1) - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)
    restored = (denoiser(rgb).flip(1) - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)
    torch.testing.assert_close(swapped(bgr), network(restored), rtol=1e-4, atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize('suffix', ['.onnx', '.pt2'])
def test_the_exported_file_gives_pytorchs_scores(denoiser, images, tmp_path, suffix, recwarn):
    path = tmp_path / f'robust{suffix}'
    worst, photos = export_both(denoiser, task(), SIDE, path)
    assert not [warning.message for warning in recwarn if 'pt2_archive' in warning.filename]
    assert worst < 1e-4
    assert photos > 4
    both = DenoiserAndNetwork(denoiser, task(), SIDE).eval()
    with torch.inference_mode():
        expected = both(images).numpy()
    if suffix == '.pt2':
        found = torch.export.load(path).module()(images).detach().numpy()
    else:
        onnxruntime = pytest.importorskip('onnxruntime')
        session = onnxruntime.InferenceSession(path, providers=['CPUExecutionProvider'])
        assert [one.name for one in session.get_inputs()] == ['images']
        (found,) = session.run(['scores'], dict(images=images.numpy()))
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)


@pytest.mark.slow
def test_a_network_is_exported_that_takes_larger_images_than_the_photos_of_the_comparison(denoiser, tmp_path):
    worst, _ = export_both(denoiser, task(), 480, tmp_path / 'robust.pt2')
    assert worst < 1e-4


def test_a_file_that_does_not_run_is_named_and_not_kept(denoiser, tmp_path, monkeypatch):
    def fails(*_, **__):
        raise RuntimeError('no kernel')

    monkeypatch.setattr(torch.export, 'load', fails)
    with pytest.raises(UserError, match=r'robust\.pt2.*no kernel'):
        export_both(denoiser, task(), SIDE, tmp_path / 'robust.pt2')
    assert not list(tmp_path.iterdir())


def test_the_network_itself_stays_as_it_is(denoiser, images):
    classifier = task()
    rgb = images.sigmoid()
    before = classifier.run(rgb)
    DenoiserAndNetwork(denoiser, classifier, SIDE)(images)
    assert classifier.run(rgb).equal(before)


def test_a_network_that_answers_by_several_tensors_is_refused(denoiser, tmp_path):
    detector = MODELS.build(dict(type='TorchvisionTask', model='ssdlite320_mobilenet_v3_large', checkpoint='random'))
    with pytest.raises(UserError, match='detector'):
        export_both(denoiser, detector, SIDE, tmp_path / 'robust.onnx')


def test_options_and_networks_that_do_not_fit_one_file_are_refused(denoiser, tmp_path):
    with pytest.raises(UserError, match='FFDNet'):
        DenoiserAndNetwork(FFDNet().eval(), task(), SIDE)
    resizing = task()
    resizing.preprocess = lambda images: torch.nn.functional.interpolate(images, (32, 32))
    with pytest.raises(UserError, match='64 x 64'):
        DenoiserAndNetwork(denoiser, resizing, SIDE)
    out = ['--out', str(tmp_path / 'a.onnx')]
    assert run(export.main, ['multiscale-blind', *out, '--checkpoint', 'x.pth']) == 2
    assert run(export.main, ['multiscale-blind', *out, '--before', 'timm:resnet18', '--fp16']) == 2
    assert not list(tmp_path.iterdir())

"""A denoiser in 8-bit integers restores nearly as well, in a smaller file; what touches the image stays in float32."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import semrestore
from semrestore.cli import export
from semrestore.cli.run import run
from semrestore.denoisers import DnCNN, FFDNet
from semrestore.errors import UserError
from semrestore.evaluation import psnr, to_8_bit
from semrestore.weights.export_int8 import export_int8

onnx = pytest.importorskip('onnx', reason="the extra `onnx` is not installed: pip install 'semrestore[onnx]'")
onnxruntime = pytest.importorskip('onnxruntime', reason='the extra `onnx` is not installed')

CPU = Path('/proc/cpuinfo')
VNNI = CPU.is_file() and 'vnni' in CPU.read_text()
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not VNNI, reason='without VNNI sums of products of 8-bit integers saturate'),
]


def test_the_file_restores_photos_as_pytorch_does_to_a_tenth_of_a_decibel(tmp_path, photos, photo_paths, capsys):
    (tmp_path / 'photos').mkdir()
    for name in ('astronaut', 'rocket'):
        (tmp_path / 'photos' / photo_paths[name].rsplit('/', 1)[1]).symlink_to(photo_paths[name])
    path = tmp_path / 'int8.onnx'
    words = ['multiscale-blind', '--out', str(path), '--int8', '--calibrate', str(tmp_path / 'photos')]
    assert run(export.main, words) == 0
    assert 'dB below PyTorch' in capsys.readouterr().out
    assert path.stat().st_size < 1.5 * 1_033_443  # a byte a weight
    session = onnxruntime.InferenceSession(path, providers=['CPUExecutionProvider'])
    denoiser = semrestore.load_denoiser('multiscale-blind')
    clean = torch.stack([photos[name][:, 40:161, 30:190] for name in ('coffee', 'chelsea')])
    noisy = clean + 25 / 255 * torch.randn(clean.shape, generator=torch.Generator().manual_seed(1))
    (restored,) = session.run(None, dict(noisy=noisy.numpy()))
    assert restored.dtype == np.float32
    ours, pytorchs = (psnr(to_8_bit(image), to_8_bit(clean)) for image in (torch.from_numpy(restored), denoiser(noisy)))
    assert pytorchs - 0.1 < ours
    (one,) = session.run(None, dict(noisy=noisy[:1, :, :37, :50].numpy()))
    assert one.shape == (1, 3, 37, 50)


def test_convolutions_on_the_image_stay_in_float32(tmp_path):
    path = tmp_path / 'ffdnet.onnx'
    export_int8(FFDNet(depth=4, channels=16).eval(), path)
    model = onnx.load(path)
    integers = {node.output[0] for node in model.graph.node if node.op_type == 'DequantizeLinear'}
    convolutions = [node for node in model.graph.node if node.op_type == 'Conv']
    assert [convolution.input[1] in integers for convolution in convolutions] == [False, True, True, False]
    assert [one.name for one in model.graph.input] == ['noisy', 'sigma']


def test_photos_of_any_size_set_the_scales(tmp_path, photo_paths):
    (tmp_path / 'photos').mkdir()
    for number, size in enumerate([(64, 200), (300, 40), (1, 1), (200, 200)]):
        photo = Image.open(photo_paths['rocket']).convert('RGB').resize(size)
        photo.save(tmp_path / f'photos/{number}.png')
    path = tmp_path / 'ffdnet.onnx'
    export_int8(FFDNet(depth=3, channels=16).eval(), path, tmp_path / 'photos', most_lost=9)
    assert path.is_file()


def test_a_network_without_features_and_a_file_that_loses_too_much_are_refused(tmp_path):
    with pytest.raises(UserError, match='nothing'):
        export_int8(DnCNN(depth=3, channels=8).eval(), tmp_path / 'a.onnx')
    with pytest.raises(UserError, match=r' -?[\d.]+ dB.* -9 dB'):
        export_int8(FFDNet(depth=3, channels=16).eval(), tmp_path / 'a.onnx', most_lost=-9)
    assert not list(tmp_path.iterdir())

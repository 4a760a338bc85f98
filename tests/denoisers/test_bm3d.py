"""BM3D through its package, where that is installed."""

import importlib.util

import pytest
import torch

from semrestore.errors import UserError
from semrestore.evaluation import psnr, to_8_bit
from semrestore.registry import MODELS

needs_bm3d = pytest.mark.skipif(
    importlib.util.find_spec('bm3d') is None, reason='the extra `baselines` is not installed'
)


@needs_bm3d
def test_bm3d_takes_one_sigma_for_all_or_one_an_image(photos):
    clean = photos['coffee'][None, :, 100:164, 200:280].repeat(2, 1, 1, 1)
    noisy = clean + 25 / 255 * torch.randn_like(clean)
    denoiser = MODELS.build(dict(type='BM3D'))
    restored = denoiser(noisy[:1], 25 / 255)
    assert (restored.shape, restored.dtype) == (noisy[:1].shape, noisy.dtype)
    gain = [psnr(to_8_bit(image), to_8_bit(clean[0])) for image in (restored[0], noisy[0])]
    assert gain[0] > gain[1] + 6
    each = denoiser(noisy, torch.tensor([25 / 255, 0]))
    torch.testing.assert_close(each[0], restored[0])
    torch.testing.assert_close(each[1], noisy[1])


@needs_bm3d
def test_bm3d_needs_sigma():
    with pytest.raises(ValueError, match=r'BM3D.*sigma'):
        MODELS.build(dict(type='BM3D'))(torch.rand(1, 3, 16, 16))


def test_without_the_package_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(__import__('sys').modules, 'bm3d', None)
    with pytest.raises(UserError, match=r'semrestore\[baselines\]'):
        MODELS.build(dict(type='BM3D'))

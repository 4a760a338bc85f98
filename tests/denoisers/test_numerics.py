"""Low precision and threads against float64: the errors that docs/reliability.md states."""

import copy

import pytest
import torch

import semrestore
from semrestore.evaluation import psnr, to_8_bit


@pytest.fixture(scope='module')
def denoiser():
    return semrestore.load_denoiser('multiscale-sigma25')


@pytest.fixture(scope='module')
def noisy(photos):
    clean = photos['coffee'][None, :, :67, :101]
    return clean + 25 / 255 * torch.randn(clean.shape, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope='module')
def reference(denoiser, noisy):
    with torch.inference_mode():
        return copy.deepcopy(denoiser).double()(noisy.double(), 25 / 255)


@pytest.mark.parametrize(('dtype', 'most'), [(torch.float32, 1e-6), (torch.float16, 2e-3), (torch.bfloat16, 1.5e-2)])
@pytest.mark.parametrize('autocast', [True, False])
def test_low_precision_is_near_float64(denoiser, noisy, reference, photos, dtype, most, autocast):
    with torch.inference_mode(), torch.autocast('cpu', dtype=dtype, enabled=autocast and dtype != torch.float32):
        restored = (
            denoiser(noisy, 25 / 255) if autocast else copy.deepcopy(denoiser).to(dtype)(noisy.to(dtype), 25 / 255)
        )
    assert (restored.double() - reference).abs().max() < most
    clean = to_8_bit(photos['coffee'][:, :67, :101])
    assert psnr(to_8_bit(restored[0]), clean) == pytest.approx(psnr(to_8_bit(reference[0]), clean), abs=0.02)


def test_threads_and_batches_change_no_more_than_rounding(denoiser, noisy, reference):
    before = torch.get_num_threads()
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            with torch.inference_mode():
                for count in (1, 3):
                    restored = denoiser(noisy.expand(count, -1, -1, -1).contiguous(), 25 / 255)
                    assert (restored - reference).abs().max() < 1e-6, (threads, count)
    finally:
        torch.set_num_threads(before)

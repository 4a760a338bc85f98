"""Whatever hypothesis thinks of: denoisers, tiles, noise, measures and options keep their word.

Examples are the same in each run (``derandomize``); one that fails is printed as the call that fails.
"""

import copy

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

import semrestore.degradations as noise
from semrestore.config import load_config
from semrestore.degradations import image_generator
from semrestore.denoisers import DnCNN, DRUNet, FFDNet, MultiScaleDenoiser
from semrestore.errors import UserError
from semrestore.evaluation import psnr, ssim, to_8_bit
from semrestore.inference import DenoiseInferencer
from tests.inference.test_inferencer import randomised

settings.register_profile('same', derandomize=True, deadline=None, max_examples=40, database=None)
settings.load_profile('same')

DENOISERS = {
    'multiscale': lambda: MultiScaleDenoiser(zero_tail=False, encoder_channels=4, decoder_channels=8),
    'two scales': lambda: MultiScaleDenoiser(
        2, zero_tail=False, encoder_channels=4, decoder_channels=8, downsample='maxpool'
    ),
    'dncnn': lambda: DnCNN(depth=4, channels=4),
    'ffdnet': lambda: FFDNet(depth=3, channels=4),
    'drunet': lambda: DRUNet(channels=(2, 4, 4, 4), blocks=1),
}
SIDES = st.one_of(st.integers(1, 9), st.sampled_from([11, 13, 17, 31, 37, 61, 67]))
LAYOUTS = {
    'contiguous': torch.Tensor.contiguous,
    'channels last': lambda images: images.contiguous(memory_format=torch.channels_last),
    'transposed': lambda images: images.transpose(2, 3).contiguous().transpose(2, 3),
    'of every other pixel': lambda images: images.repeat_interleave(2, 2).repeat_interleave(2, 3)[:, :, ::2, ::2],
    'flipped': lambda images: images.flip(3).contiguous().flip(3),
}


def images(count, height, width, seed):
    return torch.rand(count, 3, height, width, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope='module', params=DENOISERS)
def denoiser(request):
    return randomised(DENOISERS[request.param]()).eval()


@pytest.fixture(scope='module')
def double(denoiser):
    return copy.deepcopy(denoiser).double()


@given(st.integers(1, 3), SIDES, SIDES, st.sampled_from(sorted(LAYOUTS)), st.floats(0, 0.5), st.integers(0, 99))
def test_a_denoiser_gives_each_image_the_same_in_any_batch_and_layout(
    denoiser, double, count, height, width, layout, sigma, seed
):
    noisy = images(count, height, width, seed)
    with torch.inference_mode():
        restored = denoiser(LAYOUTS[layout](noisy), sigma)
        alone = torch.cat([denoiser(image[None], sigma) for image in noisy])
        reference = double(noisy.double(), sigma)
    assert restored.shape == noisy.shape
    assert restored.dtype == noisy.dtype
    assert torch.allclose(restored, alone, atol=1e-5, rtol=1e-4)
    assert torch.allclose(restored.double(), reference, atol=1e-4, rtol=1e-3)


# Of the largest value: of the weights' rounding for the most part.
PRECISIONS = {torch.float64: 1e-9, torch.float16: 1e-2, torch.bfloat16: 8e-2}


@settings(max_examples=30)
@given(
    st.sampled_from(list(PRECISIONS)),
    st.integers(1, 2),
    SIDES,
    SIDES,
    st.sampled_from(sorted(LAYOUTS)),
    st.floats(0, 0.5),
)
def test_a_denoiser_of_any_precision_is_near_the_double_one(
    denoiser, double, dtype, count, height, width, layout, sigma
):
    noisy = images(count, height, width, height).to(dtype)
    with torch.inference_mode():
        restored = copy.deepcopy(denoiser).to(dtype)(LAYOUTS[layout](noisy), sigma)
        reference = double(noisy.double(), sigma)
    assert restored.shape == noisy.shape
    assert restored.dtype == dtype
    assert (restored.double() - reference).abs().max() <= PRECISIONS[dtype] * max(1, reference.abs().max())


@settings(max_examples=15)
@given(
    st.integers(1, 45),
    st.integers(1, 45),
    st.integers(1, 50),
    st.sampled_from([np.uint8, np.uint16, np.float32]),
    st.sampled_from([2, 3, 4]),
)
def test_tiles_of_any_side_give_the_whole_image(denoiser, height, width, tile, dtype, channels):
    shape = (height, width) if channels == 2 else (height, width, channels)
    array = np.random.default_rng(height).random(shape).astype(np.float32)
    if dtype != np.float32:
        array = (array * np.iinfo(dtype).max).astype(dtype)
    tiled = DenoiseInferencer(denoiser, device='cpu', tile=tile)(array, sigma=20)
    whole = DenoiseInferencer(denoiser, device='cpu')(array, sigma=20)
    assert tiled.shape == array.shape
    assert tiled.dtype == array.dtype
    # Away from float noise; of integers it can tip the rounding.
    tolerance = 1e-4 * max(1, np.abs(whole).max()) if dtype == np.float32 else 1
    assert np.abs(whole.astype(np.float64) - tiled).max() <= tolerance


ALONE = st.one_of(
    st.builds(dict, type=st.just('GaussianNoise'), sigma=st.floats(0, 200)),
    st.builds(dict, type=st.just('GaussianNoise'), sigma=st.tuples(st.floats(0, 50), st.floats(50, 200))),
    st.builds(dict, type=st.just('MeasuredNoise'), gain=st.floats(0, 1), read=st.floats(0, 1), blur=st.floats(0, 3)),
    st.builds(dict, type=st.just('PoissonGaussianNoise'), gain=st.floats(1e-5, 1), read=st.floats(0, 1)),
    st.builds(dict, type=st.just('Speckle'), sigma=st.floats(0, 2)),
    st.builds(dict, type=st.just('SaltAndPepper'), amount=st.floats(0, 1), salt=st.floats(0, 1)),
    st.builds(dict, type=st.just('JPEG'), quality=st.integers(1, 100)),
)
CAMERA = st.builds(
    dict,
    type=st.just('CameraNoise'),
    shot=st.floats(1e-6, 0.1),
    smooth=st.floats(0, 3),
    chroma=st.floats(0, 4),
    chroma_smooth=st.floats(0, 4),
    tone=st.floats(0, 1),
    centred=st.booleans(),
    quantise=st.booleans(),
)
DEGRADATIONS = st.one_of(
    ALONE,
    CAMERA,
    st.builds(dict, type=st.just('DegradationChain'), steps=st.lists(ALONE, min_size=1, max_size=3)),
    st.builds(dict, type=st.just('RandomDegradation'), choices=st.lists(ALONE, min_size=1, max_size=3)),
)


@given(DEGRADATIONS, st.integers(1, 3), SIDES, SIDES, st.integers(0, 99))
def test_noise_is_an_images_own_at_any_size_and_strength(config, count, height, width, seed):
    options = dict(config)
    degradation = getattr(noise, options.pop('type'))(**options)
    clean = images(count, height, width, seed)
    before = clean.clone()

    def degraded(batch, *names):
        return degradation(batch, [image_generator(0, name) for name in names]).images

    together = degraded(clean, *'abc'[:count])
    assert torch.equal(clean, before)
    assert together.shape == clean.shape
    assert together.isfinite().all()
    # A camera's matrices round otherwise for another number of pixels, which can tip what is quantised.
    tolerance = (1 / 254 if config['quantise'] else 1e-5) if config['type'] == 'CameraNoise' else 0
    for number, name in enumerate('abc'[:count]):
        assert torch.allclose(degraded(clean[number : number + 1], name)[0], together[number], atol=tolerance, rtol=0)


@given(st.integers(1, 60), st.integers(1, 60), st.floats(0, 300), st.integers(0, 99))
def test_measures_are_scikit_images_at_any_size(height, width, sigma, seed):
    clean = images(1, height, width, seed)[0]
    noisy = clean + sigma / 255 * torch.randn(clean.shape, generator=torch.Generator().manual_seed(seed))
    as_uint8 = [
        np.clip(np.round(x.permute(1, 2, 0).double().numpy() * 255), 0, 255).astype(np.uint8) for x in (clean, noisy)
    ]
    with np.errstate(divide='ignore'):
        expected = peak_signal_noise_ratio(*as_uint8)
    assert psnr(to_8_bit(noisy), to_8_bit(clean)) == pytest.approx(expected, abs=1e-9)
    measured = ssim(to_8_bit(noisy), to_8_bit(clean))
    if min(height, width) < 11:
        assert np.isnan(measured)
    else:
        options = dict(channel_axis=2, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255)
        assert measured == pytest.approx(structural_similarity(*as_uint8, **options), abs=1e-9)


KEYS = st.one_of(
    st.sampled_from(
        [
            'model.degradation.sigma',
            'model.denoiser.num_scales',
            'train_cfg.max_iters',
            'optim_wrapper.optimizer.lr',
            'seed',
            'model',
        ]
    ),
    st.lists(st.text('abcmodel_.0', max_size=8), min_size=1, max_size=3).map('.'.join),
)
VALUES = st.one_of(
    st.text(max_size=12),
    st.integers().map(str),
    st.floats().map(str),
    st.lists(st.integers(-9, 9), max_size=3).map(str),
    st.sampled_from(['None', 'True', '{}', '()', '[', '(1,', 'nan', '-1', '1e999', '{{_base_}}', '__import__("os")']),
)


@settings(max_examples=30)
@given(KEYS, VALUES)
@example('model', 'denoiser')
@example('model', 'None')
@example('model.denoiser', 'DnCNN')
@example('train_cfg.max_iters', 'ten')
@example('model.degradation.sigma', '(1,')
def test_an_option_is_taken_or_refused_in_words(key, value):
    option = f'{key}={value}'
    try:
        cfg = load_config('configs/denoise/multiscale_sigma25_short.py', [option])
    except UserError:  # and nothing else
        return
    assert cfg.model.type == 'Cascade'
    assert isinstance(cfg.train_cfg.max_iters, int | float)

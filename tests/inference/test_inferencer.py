"""Images come back as they came, restored; tiles change nothing; a denoiser before any network."""

import copy
import os
import zlib

import numpy as np
import pytest
import timm
import torch
import torchvision
from PIL import Image, ImageCms
from torch import nn

import semrestore
from semrestore.acceleration import InferenceDenoiser
from semrestore.cli import denoise
from semrestore.cli.run import run
from semrestore.denoisers import DnCNN, DRUNet, FFDNet, Identity, MultiScaleDenoiser
from semrestore.errors import UserError
from semrestore.images import from_array, tiles
from semrestore.inference import DenoiseBefore, DenoiseInferencer
from semrestore.inference.levels import estimate_level
from semrestore.inference.pictures import read_files, read_inputs
from semrestore.inference.targets import targets
from semrestore.weights.read import save_weights
from tests.images.bad_images import chunk
from tests.processes import run_module, start

WAVELET = ['--model', 'none', '--config', 'semrestore::baselines/wavelet_sigma25.py']


class Darker(Identity):
    """Half of everything: what comes back can be computed by hand."""

    reach, stride = 0, 1
    takes_sigma = True

    def forward(self, noisy, sigma=None):
        return noisy / 2


@pytest.fixture(scope='module')
def inferencer():
    return DenoiseInferencer(Darker(), device='cpu')


@pytest.fixture
def picture(photos):
    return photos['coffee'][:, 100:140, 200:249].mul(255).round().byte().permute(1, 2, 0).numpy()


def randomised(denoiser):
    """Weights with which every pixel within reach matters."""
    for name, parameter in denoiser.named_parameters():
        if parameter.ndim == 1:
            nn.init.normal_(parameter, mean=0.5 if 'norm' in name or name.endswith('weight') else 0.1, std=0.2)
        else:
            nn.init.orthogonal_(parameter)
    return denoiser.eval()


NETWORKS = [
    lambda: MultiScaleDenoiser(zero_tail=False, encoder_channels=16, decoder_channels=32),
    lambda: MultiScaleDenoiser(2, zero_tail=False, encoder_channels=16, decoder_channels=32),
    lambda: MultiScaleDenoiser(zero_tail=False, encoder_channels=16, decoder_channels=32, downsample='maxpool'),
    lambda: DnCNN(depth=5, channels=8),
    lambda: FFDNet(depth=4, channels=8),
    lambda: DRUNet(channels=(4, 8, 8, 8), blocks=1),
]


@pytest.mark.parametrize('build', NETWORKS)
def test_nothing_beyond_the_stated_reach_changes_a_pixel(build):
    denoiser = randomised(build()).double()
    side = 2 * denoiser.reach + 41
    noisy = torch.rand(1, 3, side, side, dtype=torch.float64)
    touched = torch.zeros(side, side, dtype=torch.bool)
    middle = side // 2
    for row in range(middle, middle + denoiser.stride):  # every place on the grid
        leaf = noisy.clone().requires_grad_()
        denoiser(leaf, 0.1)[0, :, row, row].sum().backward()
        rows, columns = leaf.grad[0].abs().sum(0).nonzero(as_tuple=True)
        for positions in (rows, columns):
            assert positions.min() >= row - denoiser.reach
            assert positions.max() <= row + denoiser.reach
        touched |= leaf.grad[0].abs().sum(0) > 0
    # No more is read than is needed, within the slack of the grid and of ReLUs that are off.
    assert touched.any(0).sum() > denoiser.reach


@pytest.mark.parametrize(
    ('build', 'ensemble'),
    [
        *((build, False) for build in NETWORKS),
        (NETWORKS[4], True),  # which needs the noise level
        *(pytest.param(build, True, marks=pytest.mark.slow) for build in NETWORKS if build is not NETWORKS[4]),
    ],
)
def test_tiles_give_what_the_whole_image_gives(build, ensemble, photos):
    denoiser = randomised(build())
    for height, width, side in ((150, 203, 64), (97, 31, 40), (64, 64, 64), (130, 1, 50)):
        array = photos['coffee'][:, :height, :width].permute(1, 2, 0).contiguous().numpy()
        whole, tiled = (
            DenoiseInferencer(denoiser, device='cpu', ensemble=ensemble, tile=tile)(array, sigma=20)
            for tile in (None, side)
        )
        assert np.abs(whole - tiled).max() <= 1e-4 * max(1, np.abs(whole).max())
        assert np.abs(whole - array).max() > 0.01


@pytest.mark.slow
def test_published_weights_give_the_same_in_tiles(photos):
    noisy = photos['astronaut'] + 25 / 255 * torch.randn_like(photos['astronaut'])
    array = noisy.permute(1, 2, 0).contiguous().numpy()
    whole, tiled = (DenoiseInferencer('zoo:multiscale-sigma25', device='cpu', tile=tile)(array) for tile in (None, 128))
    assert np.abs(whole - tiled).max() <= 1e-5
    expected = semrestore.load_denoiser('multiscale-sigma25')(noisy[None])[0].permute(1, 2, 0).numpy()
    assert np.abs(whole - expected).max() <= 1e-4


def test_tiles_cover_each_pixel_once():
    for height, width, side, reach, stride in ((100, 75, 32, 5, 4), (7, 300, 64, 33, 8), (64, 64, 64, 3, 2)):
        count = np.zeros((height, width), int)
        for tile in tiles(height, width, side, reach, stride):
            assert tile.read[0].start % stride == tile.read[1].start % stride == 0
            assert (height - tile.read[0].stop) % stride == (width - tile.read[1].stop) % stride == 0
            kept = np.arange(height * width).reshape(height, width)[tile.read][tile.keep]
            assert np.array_equal(kept, np.arange(height * width).reshape(height, width)[tile.write])
            count[tile.write] += 1
        assert (count == 1).all()


@pytest.mark.parametrize('dtype', [np.uint8, np.uint16, np.float32, np.float64])
@pytest.mark.parametrize('shape', [(5, 7), (5, 7, 3), (5, 7, 4)])
def test_arrays_come_back_with_their_dtype_and_alpha(inferencer, dtype, shape):
    values = np.random.default_rng(0).random(shape)
    array = (values * (1 if np.dtype(dtype).kind == 'f' else np.iinfo(dtype).max)).astype(dtype)
    restored = inferencer(array)
    assert (restored.shape, restored.dtype) == (shape, dtype)
    colours = slice(0, 3) if len(shape) == 3 else slice(None)
    expected = array[..., colours].astype(np.float64) / 2
    assert np.abs(restored[..., colours] - expected).max() <= (1e-6 if np.dtype(dtype).kind == 'f' else 0.501)
    if shape[-1] == 4:
        assert np.array_equal(restored[..., 3], array[..., 3])


def test_a_grey_image_is_the_mean_over_the_restored_channels():
    class Tinted(Darker):
        def forward(self, noisy, sigma=None):
            return noisy + torch.tensor([0, 0.1, 0.5]).view(3, 1, 1)

    restored = DenoiseInferencer(Tinted(), device='cpu')(np.full((4, 5), 0.25, np.float32))
    assert restored.shape == (4, 5)
    np.testing.assert_allclose(restored, 0.45, atol=1e-6)


def test_pil_images_come_back_with_their_mode(inferencer, picture):
    image = Image.fromarray(picture)
    given = [image.convert(mode) for mode in ('RGB', 'L', 'LA', 'RGBA', '1', 'P', 'CMYK')] + [
        Image.fromarray(np.full((4, 5), 40000, np.uint16))
    ]
    restored = inferencer(given)
    assert [one.mode for one in restored] == ['RGB', 'L', 'LA', 'RGBA', 'L', 'RGB', 'RGB', 'I;16']
    assert [one.size for one in restored] == [one.size for one in given]
    assert np.array(restored[-1]).tolist() == [[20000] * 5] * 4


@pytest.mark.parametrize('brightest', [1, 255, 65535, 2**20])
def test_pil_images_of_32_bits_are_refused_whatever_their_values(inferencer, brightest):
    with pytest.raises(UserError, match='32-bit'):
        inferencer(Image.fromarray(np.full((4, 5), brightest, np.int32)))


def test_a_pgm_of_16_bits_is_taken_from_pil(inferencer, tmp_path):
    Image.fromarray(np.full((4, 5), 40000, np.uint16)).save(tmp_path / 'x.pgm')
    with Image.open(tmp_path / 'x.pgm') as image:
        assert image.mode == 'I'
        assert np.array(inferencer(image)).tolist() == [[20000] * 5] * 4


def test_files_keep_profile_orientation_alpha_grey_and_depth(inferencer, picture, tmp_path):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile('sRGB')).tobytes()
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    (tmp_path / 'in').mkdir()
    Image.fromarray(picture).save(tmp_path / 'in/turned.jpg', exif=exif, icc_profile=profile, quality=95)
    Image.fromarray(picture[..., 0]).save(tmp_path / 'in/grey.png')
    alpha = np.dstack((picture, picture[..., 1]))
    Image.fromarray(alpha).save(tmp_path / 'in/glass.png', icc_profile=profile)
    deep = picture[..., 0].astype(np.uint16) * 257
    Image.fromarray(deep).save(tmp_path / 'in/deep.png')
    wide = np.dstack((picture, picture[..., :1])).astype(np.uint16) * 257
    Image.open(*inferencer.to_folder(str(tmp_path / 'in/turned.jpg'), tmp_path / 'one')).load()
    import cv2

    for channels, name in ((3, 'wide'), (4, 'wide_glass')):
        cv2.imwrite(str(tmp_path / f'in/{name}.png'), wide[..., [2, 1, 0, 3][:channels]])
    cv2.imwrite(str(tmp_path / 'in/wide_tiff.tiff'), wide[..., 2::-1])
    inferencer.to_folder(str(tmp_path / 'in'), tmp_path / 'out')
    turned = Image.open(tmp_path / 'out/turned.png')
    assert turned.size == (49, 40), 'stored as it was'
    assert turned.getexif()[0x0112] == 6
    assert turned.info['icc_profile'] == profile
    assert Image.open(tmp_path / 'out/grey.png').mode == 'L'
    glass = Image.open(tmp_path / 'out/glass.png')
    assert glass.info['icc_profile'] == profile
    assert np.array_equal(np.array(glass)[..., 3], alpha[..., 3])
    assert np.abs(np.array(glass)[..., :3] - alpha[..., :3] / 2).max() <= 0.5
    assert np.abs(np.array(Image.open(tmp_path / 'out/deep.png')) - deep / 2).max() <= 0.5
    for name in ('wide', 'wide_glass', 'wide_tiff'):
        restored = cv2.imread(str(tmp_path / f'out/{name}.png'), cv2.IMREAD_UNCHANGED)
        assert restored.dtype == np.uint16
        assert np.abs(restored[..., 2::-1] - wide[..., :3] / 2).max() <= 0.5
    assert np.array_equal(cv2.imread(str(tmp_path / 'out/wide_glass.png'), cv2.IMREAD_UNCHANGED)[..., 3], wide[..., 3])


def test_wide_colour_keeps_profile_and_orientation(inferencer, picture, tmp_path):
    import cv2

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile('sRGB')).tobytes()
    cv2.imwrite(str(tmp_path / 'bare.png'), picture.astype(np.uint16) * 257)
    exif = Image.Exif()
    exif[0x0112] = 3
    chunks = chunk(b'iCCP', b'profile\0\0' + zlib.compress(profile))
    chunks += chunk(b'eXIf', exif.tobytes().removeprefix(b'Exif\0\0'))
    bare, header = (tmp_path / 'bare.png').read_bytes(), 8 + 25  # the signature, and IHDR
    (tmp_path / 'tagged.png').write_bytes(bare[:header] + chunks + bare[header:])
    (path,) = inferencer.to_folder(str(tmp_path / 'tagged.png'), tmp_path / 'out')
    restored = Image.open(path)
    assert restored.info['icc_profile'] == profile
    assert restored.getexif()[0x0112] == 3


def test_videos_and_animations_become_numbered_frames(inferencer, picture, tmp_path):
    import cv2

    (tmp_path / 'in').mkdir()
    frames = [np.ascontiguousarray(np.roll(picture[:40, :48], 5 * shift, axis=1)) for shift in range(3)]
    video = cv2.VideoWriter(str(tmp_path / 'in/clip.avi'), cv2.VideoWriter_fourcc(*'MJPG'), 5, (48, 40))
    for frame in frames:
        video.write(frame[..., ::-1])
    video.release()
    Image.fromarray(frames[0]).save(
        tmp_path / 'in/moving.gif', save_all=True, append_images=[Image.fromarray(one) for one in frames[1:]]
    )
    written = inferencer.to_folder(str(tmp_path / 'in'), tmp_path / 'out', as_frames=True)
    names = [os.path.relpath(path, tmp_path / 'out') for path in written]
    assert names == [f'{folder}/{number:06}.png' for folder in ('clip', 'moving') for number in range(3)]
    for number, frame in enumerate(frames):
        restored = np.array(Image.open(tmp_path / f'out/clip/{number:06}.png'))
        assert np.abs(restored - frame / 2).mean() < 8, 'in order, and RGB'


def test_images_of_one_size_go_through_together_and_order_is_kept(picture):
    seen = []

    class Counting(Darker):
        def forward(self, noisy, sigma=None):
            seen.append(len(noisy))
            return noisy

    given = [picture, picture[::-1], picture[:20], picture, picture]
    restored = DenoiseInferencer(Counting(), device='cpu')(given, batch_size=2)
    assert seen == [2, 1, 2]
    assert all(np.array_equal(one, other) for one, other in zip(restored, given, strict=True))


def test_the_noise_level_is_estimated_image_by_image(photos):
    seen = []

    class Looking(Darker):
        def forward(self, noisy, sigma=None):
            seen.extend((255 * sigma).tolist())
            return noisy

    clean = photos['flower'][:, :256, :256].permute(1, 2, 0).numpy()
    levels = (5, 15, 25, 50)
    rng = np.random.default_rng(0)
    given = [(clean + rng.normal(scale=level / 255, size=clean.shape)).astype(np.float32) for level in levels]
    looking = DenoiseInferencer(Looking(), device='cpu')
    used = [item.sigma for item in looking.restore(read_inputs(given), 'auto')]
    assert used == pytest.approx(seen, rel=1e-5)
    assert seen == pytest.approx(levels, rel=0.06, abs=0.5)
    large = np.tile(given[2], (6, 6, 1))
    assert estimate_level(from_array(large)) == pytest.approx(25, rel=0.1)


@pytest.mark.parametrize(
    ('given', 'message'),
    [
        (np.zeros((4, 4, 2), np.uint8), r'\(4, 4, 2\)'),
        (np.zeros((0, 4, 3), np.uint8), r'\(0, 4, 3\)'),
        (np.zeros((4, 4, 3), np.int64), 'int64'),
        (np.full((4, 4), np.nan), 'array 0'),
        (b'bytes', 'bytes'),
        ('nowhere/*.png', r'nowhere/\*\.png'),
        ('nowhere.png', "'nowhere.png'"),
    ],
)
def test_a_file_that_is_not_an_image_is_named(inferencer, given, message):
    with pytest.raises(UserError, match=message):
        inferencer(given)


def test_numbers_of_another_range_are_warned_about(inferencer, picture, capsys):
    with pytest.warns(UserWarning, match='255'):
        inferencer(255 * picture.astype(np.float32) / picture.max())
    assert run(denoise.main, ['nowhere.png', '--model', 'zoo:multiscale-blind', '--out', 'x', '--sigma', '0.098']) == 2
    assert '24.99' in capsys.readouterr().err


def test_impossible_arguments_are_refused(inferencer, picture, tmp_path):
    with pytest.raises(UserError, match='to_folder'):
        inferencer.to_folder(picture, tmp_path)
    with pytest.raises(UserError, match='much'):
        inferencer(picture, sigma='much')
    with pytest.raises(UserError, match='--sigma'):
        inferencer(picture[:8], sigma='auto')
    with pytest.raises(UserError, match=r'tile.*0'):
        DenoiseInferencer(Darker(), tile=0)
    with pytest.raises(UserError, match='FFDNet'):
        DenoiseInferencer(FFDNet(depth=2, channels=8), device='cpu')(picture)
    save_weights({f'denoiser.{key}': value for key, value in FFDNet().state_dict().items()}, tmp_path / 'ffdnet.pth')
    with pytest.raises(UserError, match=r'\.pth'):
        DenoiseInferencer(tmp_path / 'ffdnet.pth', device='cpu')


def test_the_command_keeps_inputs_unless_told_and_takes_globs(tmp_path, picture, capsys):
    (tmp_path / 'in').mkdir()
    for name in ('a', 'b'):
        Image.fromarray(picture).save(tmp_path / f'in/{name}.png')
    before = (tmp_path / 'in/a.png').read_bytes()
    arguments = [str(tmp_path / 'in/*.png'), '--out', str(tmp_path / 'in'), *WAVELET, '--sigma', 'auto']
    assert run(denoise.main, arguments) == 2
    assert run(denoise.main, [*arguments, '--overwrite']) == 2
    assert (tmp_path / 'in/a.png').read_bytes() == before
    assert str(tmp_path / 'in/a.png') in capsys.readouterr().err
    assert run(denoise.main, [*arguments, '--overwrite-inputs']) == 0
    captured = capsys.readouterr()
    assert '2 of 2 ' in captured.out
    assert 'a.png: sigma' in captured.err.replace('\n', '')
    assert (tmp_path / 'in/a.png').read_bytes() != before
    assert sorted(path.name for path in (tmp_path / 'in').iterdir()) == ['a.png', 'b.png'], (
        'nothing half-written is left'
    )
    assert run(denoise.main, [*arguments, '--overwrite-inputs', '--max-megapixels', '1', '--tile', '0']) == 2
    assert '--tile' in capsys.readouterr().err


@pytest.mark.slow
def test_a_large_image_takes_bounded_memory(tmp_path):
    """2.6 megapixels; 100 are measured by hand (docs/inference.md), which takes minutes."""
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 255, (1600, 1600, 3), dtype=np.uint8)).save(
        tmp_path / 'large.png', compress_level=0
    )
    files = str(tmp_path / 'large.png'), str(tmp_path / 'out')
    done = start(run_module, 'tests.programs.peak_memory', *files).done()
    assert done.returncode == 0, done.stderr
    peak = int(done.stdout.splitlines()[-1])
    whole = 1600 * 1600 * 950  # docs/performance.md: 373 MiB for 512 x 768 pixels in one piece
    assert peak < 2e9 < whole
    assert Image.open(tmp_path / 'out/large.png').size == (1600, 1600)


def test_a_denoiser_before_a_network_of_timm_or_torchvision_keeps_its_normalisation(photos):
    images = photos['astronaut'][None, :, 100:196, 200:296]
    for network, options, mean, std in (
        (timm.create_model('tf_efficientnet_lite0'), {}, [0.5] * 3, [0.5] * 3),
        (
            torchvision.models.squeezenet1_1(),
            dict(transforms=torchvision.models.SqueezeNet1_1_Weights.DEFAULT.transforms()),
            [0.485, 0.456, 0.406],
            [0.229, 0.224, 0.225],
        ),
    ):
        network.eval()
        mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (mean, std))
        robust = DenoiseBefore(network, 'zoo:multiscale-sigma25', **options).eval()
        restored = semrestore.load_denoiser('multiscale-sigma25')(images)
        with torch.no_grad():
            torch.testing.assert_close(
                robust((images - mean) / std), network((restored - mean) / std), rtol=1e-3, atol=1e-3
            )
        assert (restored - images).abs().max() > 0.02


def test_the_network_behind_it_can_be_trained_and_the_denoiser_cannot():
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    robust = DenoiseBefore(
        network, MultiScaleDenoiser(encoder_channels=8, decoder_channels=8), (0, 0, 0), (1, 1, 1)
    ).train()
    robust(torch.rand(2, 3, 16, 16)).sum().backward()
    assert network[0].weight.grad.abs().sum() > 0
    assert network.training
    assert not any(module.training for module in robust.denoiser.modules())
    assert not any(parameter.requires_grad for parameter in robust.denoiser.parameters())
    assert isinstance(robust.denoiser, InferenceDenoiser)


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16, torch.float64])
def test_a_denoiser_stays_in_float32_before_a_network_of_any_dtype(photos, dtype):
    seen = []

    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.ones(1))

        def forward(self, x):
            seen.append(x)
            return x.mean()

    images = photos['astronaut'][None, :, 100:132, 200:232]
    whole = DenoiseBefore(Network(), 'zoo:multiscale-sigma25', (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
    whole(2 * images - 1)
    robust = copy.deepcopy(whole).to(dtype)
    robust((2 * images - 1).to(dtype))
    assert seen[-1].dtype == dtype
    torch.testing.assert_close(seen[-1].float(), seen[0], rtol=0, atol=0.02)


def test_a_denoiser_before_a_network_may_compute_in_half_precision(photos):
    class Network(nn.Module):
        def forward(self, x):
            return x

    image = photos['astronaut'][None, :, 100:132, 200:232]
    plain, half = (
        DenoiseBefore(Network(), 'zoo:multiscale-sigma25', (0, 0, 0), (1, 1, 1), dtype=dtype)(image)
        for dtype in (torch.float32, torch.bfloat16)
    )
    assert half.dtype == torch.float32
    assert 0 < (half - plain).abs().max() < 0.02


def test_a_denoiser_before_a_network_is_told_the_noise_level_on_0_to_255(photos):
    denoiser = randomised(FFDNet(depth=3, channels=8))
    images = photos['astronaut'][None, :, 100:132, 200:232]
    robust = DenoiseBefore(nn.Identity(), denoiser, (0.5, 0.4, 0.3), (0.25, 0.2, 0.2), sigma=25)
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in ((0.5, 0.4, 0.3), (0.25, 0.2, 0.2)))
    with torch.no_grad():
        expected, other = (semrestore.load_denoiser(denoiser)(images, level / 255) for level in (25, 26))
    found = robust((images - mean) / std) * std + mean
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)
    assert (other - expected).abs().max() > 1e-4


@pytest.mark.parametrize(
    ('images', 'message'),
    [
        (torch.rand(1, 1, 32, 32), r'\(1, 1, 32, 32\).*\(N, 3, H, W\)'),
        (torch.rand(3, 32, 32), r'\(3, 32, 32\)'),
        (torch.zeros(1, 3, 32, 32, dtype=torch.uint8), 'uint8'),
    ],
)
def test_images_that_are_not_normalised_rgb_are_refused(images, message):
    robust = DenoiseBefore(nn.Identity(), 'multiscale-blind', (0, 0, 0), (1, 1, 1))
    with pytest.raises(UserError, match=message):
        robust(images)


def test_images_on_0_to_255_are_warned_of_once():
    robust = DenoiseBefore(nn.Identity(), 'multiscale-blind', (0.5,) * 3, (0.5,) * 3)
    with pytest.warns(UserWarning, match='expected about 0 to 1'):
        robust(255 * torch.rand(1, 3, 16, 16))
    robust(255 * torch.rand(1, 3, 16, 16))
    noisy = torch.rand(1, 3, 16, 16) + 60 / 255 * torch.randn(1, 3, 16, 16)
    DenoiseBefore(nn.Identity(), 'multiscale-blind', (0, 0, 0), (1, 1, 1))(noisy)


def test_the_normalisation_may_come_from_weights_or_a_compose():
    weights = torchvision.models.SqueezeNet1_1_Weights.DEFAULT
    timms = timm.data.create_transform((3, 32, 32), mean=(0.1, 0.2, 0.3), std=(0.4, 0.5, 0.6))
    for given, mean, std in (
        (weights, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
        (timms, (0.1, 0.2, 0.3), (0.4, 0.5, 0.6)),
    ):
        robust = DenoiseBefore(nn.Identity(), 'multiscale-blind', transforms=given)
        assert (robust.mean, robust.std) == (pytest.approx(mean), pytest.approx(std))


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(dtype='bfloat16'), 'torch.bfloat16'),
        (dict(sigma='auto'), "'auto'"),
        (dict(mean=0.5), 'three numbers'),
        (dict(denoiser=nn.Identity()), 'Identity'),
    ],
)
def test_arguments_of_another_kind_are_named(options, message):
    with pytest.raises(UserError, match=message):
        DenoiseBefore(nn.Identity(), **{'mean': (0, 0, 0), 'std': (1, 1, 1), **options})


def test_images_come_by_position_by_name_or_in_a_list(photos):
    class Network(nn.Module):
        def forward(self, x, scale=1.0):
            return [scale * one for one in x] if isinstance(x, list) else scale * x

    robust = DenoiseBefore(Network(), 'zoo:multiscale-sigma25', (0, 0, 0), (1, 1, 1))
    image = photos['astronaut'][:, 100:132, 200:232]
    expected = semrestore.load_denoiser('multiscale-sigma25')(image[None])
    torch.testing.assert_close(robust(x=image[None], scale=2.0), 2 * expected, rtol=1e-3, atol=1e-3)
    first, second = robust([image, image[:, :16]])
    torch.testing.assert_close(first, expected[0], rtol=1e-3, atol=1e-3)
    assert second.shape == (3, 16, 32)
    with pytest.raises(UserError, match='images'):
        robust(scale=2.0)


def test_an_unknown_normalisation_is_asked_for():
    with pytest.raises(UserError, match='mean'):
        DenoiseBefore(nn.Identity(), 'zoo:multiscale-sigma25')
    with pytest.raises(UserError, match=r'0\.\.1'):
        DenoiseBefore(nn.Identity(), 'zoo:multiscale-sigma25', mean=(123.7, 116.3, 103.5), std=(58.4, 57.1, 57.4))
    with pytest.raises(UserError, match=r'0\.\.1'):
        DenoiseBefore(nn.Identity(), 'zoo:multiscale-sigma25', mean=(0, 0, 0), std=(255, 255, 255))


def test_frames_replace_neither_inputs_nor_earlier_frames_unless_told(tmp_path, photos, capsys):
    frames = [Image.fromarray(np.full((16, 16, 3), value, np.uint8)) for value in (40, 200)]
    frames[0].save(tmp_path / 'a.gif', save_all=True, append_images=frames[1:])
    (tmp_path / 'a').mkdir()
    frames[1].save(tmp_path / 'a/000000.png')
    before = (tmp_path / 'a/000000.png').read_bytes()
    both = [str(tmp_path / 'a.gif'), str(tmp_path / 'a/000000.png')]
    rest = ['--model', 'none', '--config', 'configs/baselines/wavelet_sigma25.py', '--out', str(tmp_path)]
    assert run(denoise.main, [*both, *rest]) == 2
    assert str(tmp_path / 'a') in capsys.readouterr().err
    assert run(denoise.main, [both[0], *rest]) == 2
    assert '--overwrite' in capsys.readouterr().err
    assert (tmp_path / 'a/000000.png').read_bytes() == before
    assert run(denoise.main, [both[0], *rest, '--overwrite']) == 0
    assert (tmp_path / 'a/000000.png').read_bytes() != before


def test_a_telephones_mpo_is_one_photo_and_a_tiffs_tags_are_kept(tmp_path):
    photo = Image.fromarray(np.full((16, 24, 3), 120, np.uint8))
    exif = Image.Exif()
    exif[271] = 'Maker'
    photo.save(tmp_path / 'phone.jpg', format='MPO', save_all=True, append_images=[photo.resize((8, 8))])
    photo.save(tmp_path / 'scan.tif', exif=exif)
    rest = ['--model', 'none', '--config', 'configs/baselines/wavelet_sigma25.py', '--out', str(tmp_path / 'out')]
    assert run(denoise.main, [str(tmp_path / 'phone.jpg'), str(tmp_path / 'scan.tif'), *rest]) == 0
    assert Image.open(tmp_path / 'out/phone.png').size == (24, 16)
    assert Image.open(tmp_path / 'out/scan.png').getexif()[271] == 'Maker'


def test_two_inputs_with_one_result_are_both_named(tmp_path):
    for name in ('x.bmp', 'x.jpg'):
        Image.fromarray(np.full((16, 24, 3), 120, np.uint8)).save(tmp_path / name)
    with pytest.raises(UserError) as error:
        list(targets([tmp_path], tmp_path / 'out'))
    assert all(f"'{tmp_path / name}'" in str(error.value) for name in ('x.bmp', 'x.jpg', 'out/x.png'))
    assert '--out' not in str(error.value), 'another folder would not help'


def test_every_image_of_a_batch_that_fails_is_named(tmp_path):
    for name in 'abc':
        Image.fromarray(np.full((16, 24, 3), 120, np.uint8)).save(tmp_path / f'{name}.png')
    failures = []
    pairs = list(targets([tmp_path], tmp_path / 'out'))
    inferencer = DenoiseInferencer(FFDNet(depth=2, channels=8), device='cpu')
    assert not list(inferencer.restore(read_files(pairs), failed=failures.append))
    assert len(failures) == 3
    for name, message in zip('abc', failures, strict=True):
        assert f"{name}.png'" in message
        assert '--sigma' in message


def test_the_images_are_denoised_wherever_they_stand_among_the_arguments():
    class Masked(nn.Module):
        def forward(self, mask, pixels=None):
            return mask, pixels

    robust = DenoiseBefore(Masked(), 'multiscale-blind', mean=np.zeros(3), std=torch.ones(3))
    images, mask = torch.rand(2, 3, 24, 24), torch.rand(2, 1, 24, 24)
    expected, _ = robust(images)
    for found in (robust(mask=mask, pixels=images), robust(None, pixels=images)):
        assert torch.equal(found[1], expected)
    assert torch.equal(robust(mask=mask, pixels=images)[0], mask)


def test_a_suspicious_noise_level_gets_a_warning_from_python_too(tmp_path):
    image = np.zeros((24, 24, 3), np.uint8)
    Image.fromarray(image).save(tmp_path / 'a.png')
    inferencer = DenoiseInferencer('multiscale-blind', device='cpu')
    for call in (
        lambda: inferencer(image, sigma=0.098),
        lambda: inferencer.to_folder(tmp_path / 'a.png', tmp_path / 'out', sigma=0.098),
        lambda: DenoiseBefore(nn.Identity(), 'multiscale-blind', mean=(0, 0, 0), std=(1, 1, 1), sigma=0.098),
    ):
        with pytest.warns(UserWarning, match=r'0\.098.*24\.99'):
            call()


def test_an_array_from_a_file_is_upright(inferencer, picture, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # taken with the camera turned
    Image.fromarray(picture).save(tmp_path / 'photo.png', exif=exif)
    restored = inferencer(str(tmp_path / 'photo.png'))
    assert restored.shape == (picture.shape[1], picture.shape[0], 3)
    np.testing.assert_array_equal(restored, inferencer(np.rot90(picture, -1).copy()))


def test_pil_images_without_a_mode_or_pixels_are_refused(inferencer):
    with pytest.raises(UserError, match='image 0 has 0 x 5 pixels'):
        inferencer(Image.new('RGB', (0, 5)))

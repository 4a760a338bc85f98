"""What the page does to a photo, without the page."""

import numpy as np
import pytest
import torch
from PIL import Image

from semrestore import DenoiseInferencer
from semrestore.app.trial import NOISES, Limits, Network, Segments, Trial, add_noise
from semrestore.errors import UserError
from semrestore.images import read_photo


@pytest.fixture
def trial():
    return Trial(device='cpu')


@pytest.fixture
def crop(tmp_path, photo_paths):
    def save(name, size=(60, 40), **options):
        file = tmp_path / name
        Image.open(photo_paths['coffee']).convert('RGB').crop((200, 100, 200 + size[0], 100 + size[1])).save(
            file, **options
        )
        return file

    return save


@pytest.mark.parametrize('kind', [kind for kind in NOISES if kind not in ('none', 'jpeg')])
def test_noise_has_the_level_that_is_asked_for_at_half_brightness(kind):
    grey = np.full((256, 256, 3), 128, np.uint8)
    for level in (10, 30):
        noise = add_noise(grey, kind, level).astype(float) - 128
        # Of a camera's curve at two levels, and of noise that neighbours share, a tenth is left.
        assert noise.std() == pytest.approx(level, rel=0.1)
    assert np.array_equal(add_noise(grey, kind, 0), grey)


def test_noise_is_the_same_each_time_and_raises_the_quality_when_it_is_taken_away(trial, crop):
    first, second = (trial.restore(crop('a.png'), 'white', 30) for _ in range(2))
    assert np.array_equal(first.noisy, second.noisy)
    noisy, restored = first.quality
    error = np.square(first.noisy.astype(float) - first.clean).mean()
    assert noisy == pytest.approx(10 * np.log10(255**2 / error))
    assert restored > noisy + 5


def test_a_photo_as_it_is_becomes_what_the_inferencer_makes_of_it_with_its_profile(trial, crop):
    file = crop('own photo.png', icc_profile=b'profile')
    done = trial.restore(file, weights='multiscale-real')
    expected = DenoiseInferencer('multiscale-real', device='cpu')(read_photo(file))
    assert done.clean is None
    assert done.quality is None
    assert np.array_equal(done.restored, expected)
    assert np.array_equal(done.noisy, read_photo(file))
    assert done.file.name == 'own photo-restored.png'
    with Image.open(done.file) as written:
        assert written.info['icc_profile'] == b'profile'
        assert np.array_equal(np.asarray(written), expected)


def test_a_photo_that_was_turned_is_shown_upright_and_stored_as_it_came(trial, crop):
    exif = Image.Exif()
    exif[274] = 6
    done = trial.restore(crop('turned.jpg', exif=exif))
    assert done.restored.shape == done.noisy.shape == (60, 40, 3)
    with Image.open(done.file) as written:
        assert (written.size, written.getexif()[274]) == ((60, 40), 6)


def test_a_large_photo_is_shrunk_if_so_wished(trial, crop):
    done = trial.restore(crop('a.png', (360, 288)), 'white', 10, shrink=True)
    assert done.noisy.shape == (256, 320, 3)
    assert trial.restore(crop('b.png'), shrink=True).noisy.shape == (40, 60, 3)


@pytest.mark.parametrize('orientation', [1, 6])
def test_a_large_photo_is_shrunk_and_restored_without_noise_upright_or_turned(trial, crop, orientation):
    exif = Image.Exif()
    exif[274] = orientation
    done = trial.restore(crop('a.png', (360, 288), exif=exif), shrink=True)
    assert done.noisy.shape == done.restored.shape == ((256, 320, 3) if orientation == 1 else (320, 256, 3))
    assert done.clean is None
    turned = trial.restore(crop('b.png', exif=exif), shrink=True)
    assert turned.restored.shape == ((40, 60, 3) if orientation == 1 else (60, 40, 3))


def test_the_clean_photo_stays_clean_at_level_0(trial, crop):
    file = crop('a.png')
    done = trial.restore(file, 'white', 0)
    assert np.array_equal(done.clean, read_photo(file))
    assert np.array_equal(done.noisy, read_photo(file))
    assert not np.array_equal(done.restored, done.clean)


def test_pillows_limit_is_as_before_after_a_photo(trial, crop):
    before = Image.MAX_IMAGE_PIXELS
    trial.restore(crop('a.png'))
    assert before == Image.MAX_IMAGE_PIXELS


def test_a_network_refuses_a_photo_that_is_far_longer_than_wide(trial):
    for size in ((5, 401), (401, 5)):
        with pytest.raises(UserError, match='401'):
            trial.look('timm:tf_efficientnet_lite0', np.zeros((*size, 3), np.uint8))
    assert len(trial.look('timm:tf_efficientnet_lite0', np.zeros((5, 100, 3), np.uint8))) == 5


def test_what_cannot_be_taken_is_named(trial, crop, tmp_path):
    broken = tmp_path / 'broken.png'
    broken.write_bytes(crop('a.png').read_bytes()[:300])
    text = tmp_path / 'notes.txt'
    text.write_text('no image')
    for file in (broken, text):
        with pytest.raises(UserError, match=f"'{file.name}'"):
            trial.restore(file)
    # Visitors have no command line, so no message names an option.
    with pytest.raises(UserError, match=r"'a.png'[^-]* 0.001\. [^-]*$"):
        Trial(Limits(megabytes=1e-3), 'cpu').restore(crop('a.png'))
    with pytest.raises(UserError, match=r'^[^-]* 0 seconds[^-]*$'):
        Trial(Limits(seconds=0), 'cpu').restore(crop('a.png'))
    with pytest.raises(UserError, match='multiscale-blind'):
        trial.restore(crop('a.png'), weights='multiscale-blnd')
    photo = crop('a.png')
    with pytest.raises(UserError, match=r"'a.png'[^-]* 0.001 megapixels[^-]*$"):
        Trial(Limits(megapixels=1e-3), 'cpu').restore(photo)


def test_a_classifier_sees_what_is_there(trial, photo_paths):
    seen = trial.look('timm:tf_efficientnet_lite0', read_photo(photo_paths['coffee']))
    assert len(seen) == 5
    assert max(seen, key=seen.get) == 'espresso'
    assert 0.9 < sum(seen.values()) <= 1.0001


def test_a_segmenter_marks_the_whole_photo(trial, photo_paths):
    photo = read_photo(photo_paths['chelsea'])
    torch.manual_seed(0)
    seen = trial.look('torchvision:lraspp_mobilenet_v3_large=random', photo)
    assert isinstance(seen, Segments)
    assert seen.image.shape[0] == 320
    assert seen.masks.keys() == seen.colours.keys()
    marked = sum(mask.astype(int) for mask in seen.masks.values())
    assert marked.shape == seen.image.shape[:2]
    assert marked.max() == 1


def test_a_detector_is_refused(trial, photo_paths):
    with pytest.raises(UserError, match='fasterrcnn'):
        trial.look(
            'torchvision:fasterrcnn_mobilenet_v3_large_320_fpn=random', read_photo(photo_paths['chelsea'])[:64, :64]
        )


@pytest.mark.parametrize('size', [(60, 40), (40, 60)])
def test_a_classifier_that_is_evaluated_without_a_margin_sees_a_square(size):
    network = Network('timm:vit_tiny_patch16_384=random', 'cpu')
    assert network.named.short_side == network.named.side == 384
    assert len(network.look(np.zeros((*size, 3), np.uint8))) > 1

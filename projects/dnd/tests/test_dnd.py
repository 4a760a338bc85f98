"""The Darmstadt Noise Dataset's layout, and a submission read back as its server would."""

import h5py
import numpy as np
import pytest
from scipy.io import loadmat

from projects.dnd import __main__ as dnd
from projects.dnd.__main__ import read_crops, read_info
from semrestore.cli.run import run
from semrestore.errors import UserError
from tests.processes import start

# First row, first column, last row, last column, from 1.
BOXES = np.array([[[1, 1, 24, 32], [11, 21, 34, 52]], [[3, 5, 26, 36], [17, 29, 40, 60]]])
SIGMAS = np.array([[0.02, 0.04], [0.06, 0.08]])


@pytest.fixture
def tree(tmp_path):
    """Write two images of 40 x 60 with two crops each as MATLAB 7.3 does: reversed axes, references."""
    folder = tmp_path / 'dnd_2017'
    (folder / 'images_srgb').mkdir(parents=True)
    images = np.random.default_rng(0).uniform(0, 1, (2, 40, 60, 3)).astype(np.float32)
    for number, image in enumerate(images, 1):
        with h5py.File(folder / f'images_srgb/{number:04}.mat', 'w') as file:
            file['InoisySRGB'] = image.T
    with h5py.File(folder / 'info.mat', 'w') as file:
        info = file.create_group('info')
        for name, values in (('boundingboxes', BOXES.astype(float)), ('sigma_srgb', SIGMAS[:, :, None])):
            cells = info.create_dataset(name, (1, 2), h5py.ref_dtype)
            for number, value in enumerate(values):
                file[f'#refs#/{name}{number}'] = value.T
                cells[0, number] = file[f'#refs#/{name}{number}'].ref
    return folder, images


def crop(images, image, number):
    top, left, bottom, right = BOXES[image, number]
    return images[image, top - 1 : bottom, left - 1 : right]


def call(folder, out, *arguments):
    return run(dnd.main, [str(folder), '--out', str(out), *arguments])


def test_the_submission_holds_every_crop_in_its_place(tree, tmp_path):
    folder, images = tree
    identity = tmp_path / 'identity.py'
    identity.write_text(
        "model = dict(type='Cascade', denoiser=dict(type='Identity'), degradation=dict(type='FromPairs'))"
    )
    out = tmp_path / 'out'
    assert call(folder, out, '--model', 'none', '--config', str(identity)) == 0
    assert sorted(path.name for path in out.iterdir()) == ['0001.mat', '0002.mat']
    for image in range(2):
        content = loadmat(out / f'{image + 1:04}.mat')
        assert content['Idenoised'].shape == (1, 2)
        assert content['Idenoised'].dtype == object
        assert content['israw'].item() == 0
        assert content['eval_version'].item() == '1.0'
        for number in range(2):
            np.testing.assert_allclose(content['Idenoised'][0, number], crop(images, image, number), atol=1e-6)


def test_each_crop_has_the_noise_level_asked_for_and_what_is_done_is_not_done_again(tree, tmp_path, monkeypatch):
    folder, _ = tree
    seen = []
    from semrestore.inference import DenoiseInferencer

    monkeypatch.setattr(
        DenoiseInferencer,
        '__call__',
        lambda self, image, sigma=None: seen.append(sigma) or image + 2.0,
    )
    out = tmp_path / 'out'
    assert call(folder, out, '--model', 'zoo:multiscale-blind', '--sigma', 'info') == 0
    assert seen == pytest.approx((255 * SIGMAS).flatten().tolist())
    assert loadmat(out / '0001.mat')['Idenoised'][0, 0].max() == 1  # clipped
    (out / '0002.mat').unlink()
    assert call(folder, out, '--model', 'zoo:multiscale-blind', '--sigma', '12') == 0
    assert seen[4:] == [12, 12]


@pytest.mark.parametrize(
    ('damage', 'message'),
    [
        (lambda folder: (folder / 'info.mat').unlink(), "info.mat'"),
        (
            lambda folder: (folder / 'info.mat').write_bytes(b'MATLAB 5.0'),
            "info.mat'",
        ),
        (
            lambda folder: rename(folder / 'info.mat', 'info/boundingboxes', 'info/boxes'),
            "info.mat'",
        ),
        (lambda folder: (folder / 'images_srgb/0002.mat').unlink(), 'images_srgb'),
        (
            lambda folder: rename(folder / 'images_srgb/0001.mat', 'InoisySRGB', 'Inoisy'),
            'InoisySRGB',
        ),
        (lambda folder: box(folder, [[0, 1, 5, 5], [1, 1, 5, 5]]), '(2, 4)'),
        (lambda folder: box(folder, [[1, 1, 5, 5], [1, 1, 41, 60]]), 'info.mat'),
        (lambda folder: box(folder, [[1, 1, 5, 5], [1, 1, 5000, 60]]), '4096'),
        (lambda folder: replace(folder, np.full((3, 60, 40), np.nan)), '0001.mat'),
        (lambda folder: replace(folder, np.zeros((3, 60, 40), 'S4')), 'InoisySRGB'),
        (lambda folder: replace(folder, h5py.ExternalLink('0002.mat', 'InoisySRGB')), 'InoisySRGB'),
        (lambda folder: replace(folder, h5py.SoftLink('/elsewhere')), 'InoisySRGB'),
        (lambda folder: declare(folder), '1000000000'),
    ],
)
def test_another_layout_is_named_and_nothing_is_written(tree, tmp_path, capsys, damage, message):
    folder, _ = tree
    damage(folder)
    assert call(folder, tmp_path / 'out', '--model', 'zoo:multiscale-blind') == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / 'out').exists()


def rename(path, old, new):
    with h5py.File(path, 'a') as file:
        file.move(old, new)


def box(folder, values):
    with h5py.File(folder / 'info.mat', 'a') as file:
        file['#refs#/boundingboxes0'][:] = np.array(values, float).T


def replace(folder, values):
    with h5py.File(folder / 'images_srgb/0001.mat', 'w') as file:
        file['InoisySRGB'] = values


def declare(folder):
    with h5py.File(folder / 'info.mat', 'a') as file:
        del file['info/boundingboxes']
        file['info'].create_dataset(
            'boundingboxes', (1, 10**9), h5py.ref_dtype, chunks=(1, 64)
        )  # 8 GB, of which nothing is stored


def damage(folder):
    """Read copies of the files that are cut at every tenth, or damaged at random, and print how many are refused."""
    draws, refused = np.random.default_rng(20261), 0
    for path in (folder / 'info.mat', folder / 'images_srgb/0001.mat'):
        whole = path.read_bytes()
        bad = [whole[: len(whole) * tenth // 10] for tenth in range(10)]
        for number in range(150):
            flipped = np.frombuffer(whole, np.uint8).copy()
            places = draws.integers(0, len(flipped) if number % 2 else 4096, 1 + number % 8)
            flipped[places] = draws.integers(0, 256, len(places))
            bad.append(flipped.tobytes())
        for content in bad:
            path.write_bytes(content)
            try:
                for image in read_info(folder):
                    assert all(min(crop.shape[:2]) > 0 and crop.shape[2] == 3 for crop in read_crops(image))
            except UserError:
                refused += 1
        path.write_bytes(whole)
    print(refused)


def test_damaged_files_are_read_or_refused(tree):
    done = start(damage, tree[0]).done()  # in a process of its own: HDF5 is C
    assert done.returncode == 0, done.stderr[-2000:]
    assert int(done.stdout) > 100


def test_an_image_that_declares_more_than_a_memory_holds_costs_no_more_than_its_crops(tree):
    folder, _ = tree
    with h5py.File(folder / 'images_srgb/0001.mat', 'w') as file:
        file.create_dataset(
            'InoisySRGB', (3, 10**6, 10**6), 'f4', chunks=(1, 64, 64)
        )  # 12 TB, of which nothing is stored
    image = next(dnd.read_info(folder))
    assert [crop.shape for crop in dnd.read_crops(image)] == [(24, 32, 3)] * 2

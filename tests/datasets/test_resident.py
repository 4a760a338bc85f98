"""Patches cut on the device are crops in all eight orientations, and follow from their place in the stream."""

import itertools
import json

import mmcv
import numpy as np
import pytest
import torch
from mmengine.dataset import default_collate
from PIL import Image
from torch.utils.data import DataLoader

from semrestore.cli.train import main as train
from semrestore.datasets import DeviceResidentPatches, EmbeddedPhotos, PhotoFolder, StreamSampler
from semrestore.errors import UserError
from semrestore.images import read_photo
from semrestore.weights.read import read_checkpoint

SIZES = [(9, 14), (14, 9), (6, 6)]
PATCH = 6
LOAD = [dict(type='semrestore.LoadPhoto')]


@pytest.fixture
def photos(tmp_path):
    # Every pixel of every photo has a colour of its own.
    colours = iter(np.random.default_rng(0).permutation(256 * 256).astype(np.int64))
    for number, size in enumerate(SIZES):
        values = np.array(list(itertools.islice(colours, size[0] * size[1]))).reshape(size)
        image = np.stack([values % 256, values // 256, np.full(size, number)], axis=-1).astype(np.uint8)
        Image.fromarray(image).save(tmp_path / f'{number}.png')
    return PhotoFolder(data_root=str(tmp_path), name='colours', pipeline=LOAD)


def orientations(image):
    return [np.rot90(mirrored, turns) for mirrored in (image, image[:, ::-1]) for turns in range(4)]


def test_patches_are_crops_in_all_eight_orientations(photos):
    patches = DeviceResidentPatches(photos, PATCH)
    crops = {}
    for number, (height, width) in enumerate(SIZES):
        image = photos[number]['img']
        for top, left in itertools.product(range(height - PATCH + 1), range(width - PATCH + 1)):
            for which, turned in enumerate(orientations(image[top : top + PATCH, left : left + PATCH])):
                crops[turned.tobytes()] = (number, top, left, which)
    sampler = StreamSampler(patches, shuffle=True, seed=1)
    seen = set()
    for index in itertools.islice(sampler, 6000):
        (item,) = patches.__getitems__([index])
        assert item['inputs'].shape == (3, PATCH, PATCH)
        assert item['data_samples'].name == str(int(index))
        assert item['data_samples'].stream_seed == index.seed
        seen.add(crops[item['inputs'].permute(1, 2, 0).contiguous().numpy().tobytes()])
    assert {crop[0] for crop in seen} == {0, 1, 2}
    # 36 places in each of the oblong photos and one in the square one, each in eight orientations.
    assert len(seen) == 8 * (36 + 36 + 1)


def test_upright_patches_are_crops_and_their_mirror_images(photos):
    patches = DeviceResidentPatches(photos, PATCH, upright=True)
    (square,) = (number for number, size in enumerate(SIZES) if size == (PATCH, PATCH))
    whole = photos[square]['img']
    sampler = StreamSampler(patches, shuffle=True, seed=1)
    cut = {
        patches[index]['inputs'].permute(1, 2, 0).contiguous().numpy().tobytes()
        for index in itertools.islice(sampler, 60)
        if int(index) == square
    }
    assert cut == {whole.tobytes(), np.ascontiguousarray(whole[:, ::-1]).tobytes()}


def test_a_patch_follows_from_its_place_in_the_stream(photos):
    def batches(loader_workers, skipped=0):
        patches = DeviceResidentPatches(photos, PATCH)
        sampler = StreamSampler(patches, shuffle=True, seed=5)
        sampler.skip(skipped)
        loader = DataLoader(patches, 4, sampler=sampler, collate_fn=default_collate, num_workers=loader_workers)
        return [batch['inputs'] for batch in itertools.islice(loader, 5)]

    here, in_a_worker, resumed = batches(0), batches(1), batches(0, skipped=8)
    assert torch.stack(here).equal(torch.stack(in_a_worker))
    assert torch.stack(here[2:]).equal(torch.stack(resumed[:3]))
    assert not here[0].equal(here[1])


def test_without_seeds_of_their_own_patches_share_the_samples(photos):
    patches = DeviceResidentPatches(photos, PATCH, seeded_noise=False)
    index = next(iter(StreamSampler(patches, seed=0)))
    (item,) = patches.__getitems__([index])
    assert 'stream_seed' not in item['data_samples'].metainfo
    assert item['data_samples'].metainfo['dataset_name'] == 'colours'


def test_images_that_are_too_small_and_invalid_settings_are_named(photos):
    with pytest.raises(UserError, match=r'2\.png.*6 x 6.*7'):
        DeviceResidentPatches(photos, 7)
    with pytest.raises(ValueError, match=r'patch_size.*\b0\b'):
        DeviceResidentPatches(photos, 0)
    packed = EmbeddedPhotos(pipeline=[*LOAD, dict(type='mmpretrain.PackInputs', meta_keys=())])
    with pytest.raises(UserError, match='LoadPhoto'):
        DeviceResidentPatches(packed, 48)


CONFIG = """
_base_ = 'semrestore::embedded/denoise_sigma30.py'
model = dict(task=None, denoiser=dict(encoder_channels=8, decoder_channels=8))
val_evaluator = [dict(type='ImageQuality')]
train_dataloader = dict(
    num_workers=0,
    persistent_workers=False,
    dataset=dict(
        _delete_=True,
        type='DeviceResidentPatches',
        patch_size=32,
        dataset=dict(type='EmbeddedPhotos', split='train', indices=3, pipeline=[dict(type='LoadPhoto')]),
    ),
)
train_cfg = dict(max_iters=4, val_begin=99)
default_hooks = dict(checkpoint=dict(interval=2))
"""


def test_a_training_resumes_exactly_from_the_seed_it_began_with(tmp_path):
    (tmp_path / 'config.py').write_text(CONFIG)
    seeded = ['--cfg-options', 'randomness.seed=5']
    for name, arguments in (
        ('whole', seeded),
        ('halves', [*seeded, 'train_cfg.max_iters=2']),
        ('halves', ['--resume']),
    ):
        train([str(tmp_path / 'config.py'), '--work-dir', str(tmp_path / name), *arguments])
    whole, halves = (read_checkpoint(tmp_path / name / 'iter_4.pth')['state_dict'] for name in ('whole', 'halves'))
    assert whole.keys() == halves.keys()
    assert all(torch.equal(whole[key], halves[key]) for key in whole)
    # The validation at the end, which a kill may have come before, is done again.
    assert not validations(tmp_path / 'halves')
    options = ['train_cfg.val_begin=1', 'val_dataloader.dataset.indices=1']
    train([str(tmp_path / 'config.py'), '--work-dir', str(tmp_path / 'halves'), '--resume', '--cfg-options', *options])
    assert len(validations(tmp_path / 'halves')) == 1


def validations(run):
    lines = [json.loads(line) for path in run.glob('*/vis_data/scalars.json') for line in path.read_text().splitlines()]
    return [line for line in lines if 'PSNR' in line]


def test_photos_are_there_in_each_scale_as_mmcv_enlarges_them(photos):
    scales = (1.0, 1.5, 2.0)
    patches = DeviceResidentPatches(photos, PATCH, scales=scales)
    assert len(patches) == len(SIZES) * len(scales)
    for index, (scale, number) in enumerate(itertools.product(scales, range(len(SIZES)))):
        image = mmcv.imrescale(photos[number]['img'], scale, interpolation='bicubic')
        windows = np.lib.stride_tricks.sliding_window_view(image, (PATCH, PATCH), axis=(0, 1)).transpose(0, 1, 3, 4, 2)
        item = patches[index]
        assert item['data_samples'].name == str(number)
        patch = item['inputs'].permute(1, 2, 0).numpy()
        assert any((windows == turned).all((2, 3, 4)).any() for turned in orientations(patch))


def test_views_of_photos_are_taken_as_they_come(photo_paths):
    views = DeviceResidentPatches(
        dict(type='EmbeddedPhotos', split='val', view=64, stride=300, pipeline=LOAD), patch_size=64
    )
    whole = read_photo(photo_paths['chelsea'])[:64, :64]
    (index,) = [index for index in range(len(views)) if views[index]['data_samples'].name == 'chelsea@0,0']
    assert any(np.array_equal(views[index]['inputs'].permute(1, 2, 0), turned) for turned in orientations(whole))


@pytest.mark.parametrize('scales', [(), (0,), (1, 20)])
def test_impossible_scales_are_refused(photos, scales):
    with pytest.raises(ValueError, match='scales'):
        DeviceResidentPatches(photos, PATCH, scales=scales)

"""What a training's data can meet: workers that are killed, and folders that go away and come back."""

import itertools
import os
import shutil
import signal
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.hooks import Hook
from PIL import Image
from torch.utils.data import DataLoader

from semrestore.checkpoint import read_checkpoint
from semrestore.commands.common import load_quietly, run
from semrestore.commands.train import train
from semrestore.datasets import LoadPhoto, StreamDataset, StreamSampler
from semrestore.datasets.transforms import is_away
from semrestore.engine.workers import RestartingIterator
from semrestore.errors import UserError
from semrestore.registry import HOOKS


class Deadly:
    """Numbers, of which some kill the worker that loads them, as often as is said."""

    metainfo = {}

    def __init__(self, folder, deaths):
        self.folder, self.deaths = folder, deaths

    def __len__(self):
        return 12

    def __getitem__(self, index):
        left = self.deaths.get(int(index), 0)
        for death in range(left):
            try:
                (self.folder / f'{index}_{death}').touch(exist_ok=False)
            except FileExistsError:
                continue
            os.kill(os.getpid(), signal.SIGKILL)
        return int(index), torch.rand(1).item()


def loader(dataset, num_workers, persistent=True):
    stream = StreamDataset(dataset)
    options = dict(persistent_workers=True) if num_workers and persistent else {}
    return DataLoader(stream, batch_size=2, num_workers=num_workers, sampler=StreamSampler(stream, seed=3), **options)


@pytest.fixture(autouse=True)
def _signals(monkeypatch):
    monkeypatch.setattr(torch.utils.data._utils, 'MP_STATUS_CHECK_INTERVAL', 0.5)  # seconds between two looks at whether all are alive
    before = signal.getsignal(signal.SIGCHLD)
    yield
    signal.signal(signal.SIGCHLD, before)


@pytest.mark.parametrize(('start', 'persistent'), [(0, True), (3, False)])
def test_the_stream_goes_on_where_workers_were_killed(tmp_path, start, persistent):
    def batches(deaths, num_workers):
        iterator = RestartingIterator(loader(Deadly(tmp_path, deaths), num_workers, persistent), most=3)
        iterator.skip_iter(start)
        return [[each.tolist() for each in next(iterator)] for _ in range(15)], iterator

    expected, _ = batches({}, 0)
    found, iterator = batches({4: 1, 9: 2}, 2)
    assert found == expected
    assert 1 <= iterator.restarts <= 3
    assert len(list(tmp_path.iterdir())) == 3


def test_workers_that_are_killed_again_and_again_are_given_up(tmp_path):
    iterator = RestartingIterator(loader(Deadly(tmp_path, {5: 100}), 2), most=2)
    with pytest.raises(UserError, match=r'a DataLoader worker was killed. Out of memory\? A smaller num_workers'):
        list(itertools.islice(iterator, 12))
    assert len(list(tmp_path.iterdir())) == 3  # once, and two times anew


def test_elsewhere_a_killed_worker_is_one_sentence(tmp_path, capsys):
    def main(arguments):
        for _ in loader(Deadly(tmp_path, {0: 1, 1: 1}), 1):
            time.sleep(0.1)

    assert run(main) == 2
    assert 'Out of memory?' in capsys.readouterr().err


@pytest.fixture
def photo(tmp_path):
    folder = tmp_path / 'photos'
    folder.mkdir()
    pixels = np.random.default_rng(0).integers(0, 255, (9, 7, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(folder / 'a.png')
    return folder / 'a.png', pixels


def test_a_folder_that_comes_back_is_waited_for(photo, tmp_path, capsys):
    path, pixels = photo
    os.rename(path.parent, tmp_path / 'away')
    path.parent.mkdir()  # the empty place of a mount

    def bring_back():
        shutil.rmtree(path.parent)
        os.rename(tmp_path / 'away', path.parent)

    timer = threading.Timer(1.5, bring_back)
    timer.start()
    image = LoadPhoto(patience=30).transform(dict(img_path=str(path)))['img']
    timer.join()
    assert np.array_equal(image, pixels)
    assert capsys.readouterr().err.count('is away; waiting 30 s for it') == 1


def test_a_folder_that_stays_away_is_named(photo, tmp_path):
    path, _ = photo
    os.rename(path.parent, tmp_path / 'away')
    with pytest.raises(UserError, match=r"photos' has been away for 0.5 s; with it, --resume goes on"):
        LoadPhoto(patience=0.5).transform(dict(img_path=str(path)))


def test_a_single_missing_file_is_not_waited_for(photo):
    path, _ = photo
    before = time.monotonic()
    with pytest.raises(UserError, match='does not exist'):
        LoadPhoto().transform(dict(img_path=str(path.with_name('b.png'))))
    assert time.monotonic() - before < 10
    assert not is_away(str(path.parent))


CONFIG = """
_base_ = 'semrestore::embedded/denoise_sigma30.py'
model = dict(task=None, denoiser=dict(encoder_channels=8, decoder_channels=8))
packing = dict(type='mmpretrain.PackInputs', meta_keys=('img_path', 'name'))
train_dataloader = dict(
    batch_size=2,
    num_workers=2,
    dataset=dict(
        _delete_=True,
        type='PhotoFolder',
        folder='photos',
        pipeline=[dict(type='LoadPhoto', patience=60), dict(type='RandomCrop', crop_size=16), dict(type='RandomDihedral'), packing],
    ),
)
train_cfg = dict(max_iters=12, val_begin=99)
custom_hooks = [dict(type='FolderIsAway')]
"""


@HOOKS.register_module()
class FolderIsAway(Hook):
    """Take the photos away at the third iteration, and bring them back."""

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        folder = Path(runner.cfg.train_dataloader.dataset.dataset.data_root) / 'photos'
        if runner.iter == 2 and 'away' in runner.work_dir:
            folder.rename(folder.with_name('elsewhere'))
            threading.Timer(3, folder.with_name('elsewhere').rename, [folder]).start()


def test_a_training_goes_on_to_the_same_bits_when_its_folder_comes_back(tmp_path, capfd):
    draws = np.random.default_rng(0)
    (tmp_path / 'photos').mkdir()
    for number in range(6):
        Image.fromarray(draws.integers(0, 255, (24, 20, 3), dtype=np.uint8)).save(tmp_path / f'photos/{number}.png')
    (tmp_path / 'config.py').write_text(CONFIG)
    for run_ in ('whole', 'away'):
        cfg = load_quietly(tmp_path / 'config.py', [f'train_dataloader.dataset.data_root={tmp_path}'])
        cfg.work_dir = str(tmp_path / run_)
        train(cfg)
    assert 'is away; waiting 60 s for it' in capfd.readouterr().err
    one, two = (read_checkpoint(tmp_path / run_ / 'iter_12.pth')['state_dict'] for run_ in ('whole', 'away'))
    assert all(torch.equal(one[name], two[name]) for name in one)

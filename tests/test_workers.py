"""What a training's data can meet: workers that are killed, and folders that go away and come back."""

import contextlib
import gc
import itertools
import os
import random
import shutil
import signal
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.hooks import Hook
from mmengine.runner import IterBasedTrainLoop
from PIL import Image
from torch.utils.data import DataLoader

from semrestore.checkpoint import read_checkpoint
from semrestore.commands.common import load_quietly, run
from semrestore.commands.train import train
from semrestore.datasets import LoadLabelMap, LoadPhoto, StreamDataset, StreamSampler
from semrestore.datasets.transforms import is_away
from semrestore.engine.workers import RestartingIterator, WorkerHook
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
def _signals():
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


class Large:
    """Images that no pipe holds, whose worker is halfway through sending one when it is killed."""

    metainfo = {}

    def __len__(self):
        return 12

    def __getitem__(self, index):
        return bytes(200_000) + bytes([int(index)])


def test_a_worker_that_is_killed_halfway_through_a_message_is_replaced():
    stream = StreamDataset(Large())
    batches = DataLoader(stream, batch_size=2, num_workers=2, sampler=StreamSampler(stream, seed=3), collate_fn=list)
    expected = RestartingIterator(DataLoader(stream, batch_size=2, sampler=StreamSampler(stream, seed=3), collate_fn=list), most=3)
    iterator = RestartingIterator(batches, most=3)
    for step in range(6):
        assert next(iterator) == next(expected)
        if step == 1:
            time.sleep(1)  # the step of a training; the pipe is full
            os.kill(iterator._iterator._workers[0].pid, signal.SIGKILL)
            time.sleep(0.5)
        if step == 3:
            time.sleep(1)
            for worker in iterator._iterator._workers:  # whose messages are read as far as they go, before they die
                os.kill(worker.pid, signal.SIGSTOP)
                threading.Timer(1, os.kill, [worker.pid, signal.SIGKILL]).start()
    assert iterator.restarts == 2


class Fatal(Large):
    """Images, while the first of which is waited for another loader's worker is killed."""

    def __init__(self, folder, pid):
        self.done, self.pid = folder / 'done', pid

    def __getitem__(self, index):
        if not self.done.exists():
            self.done.touch()
            os.kill(self.pid, signal.SIGKILL)
            time.sleep(1)
        return super().__getitem__(index)


def test_the_death_of_another_loaders_worker_changes_nothing(tmp_path):
    other = iter(DataLoader([1, 2, 3], num_workers=1))
    expected, iterator = (
        RestartingIterator(
            DataLoader(stream, batch_size=2, num_workers=workers, sampler=StreamSampler(stream, seed=3), collate_fn=list), most=3
        )
        for workers, stream in ((0, StreamDataset(Large())), (1, StreamDataset(Fatal(tmp_path, other._workers[0].pid))))
    )
    expected = [next(expected) for _ in range(4)]
    assert [next(iterator) for _ in range(4)] == expected
    assert iterator.restarts == 1


def test_workers_that_are_killed_at_random_change_nothing():
    stream = StreamDataset(Large())
    expected, iterator = (
        RestartingIterator(
            DataLoader(stream, batch_size=2, num_workers=workers, sampler=StreamSampler(stream, seed=3), collate_fn=list), most=1000
        )
        for workers in (0, 2)
    )
    expected = [next(expected) for _ in range(100)]  # before there is a death that it would hear of
    draws, done = random.Random(0), threading.Event()

    def kill():
        while not done.wait(draws.uniform(0.02, 0.6)):
            with contextlib.suppress(ProcessLookupError, AttributeError):  # it is gone, or there are none yet
                os.kill(draws.choice(iterator._iterator._workers).pid, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        for batch in expected:
            assert next(iterator) == batch
            time.sleep(draws.uniform(0, 0.15))  # the step of a training
    finally:
        done.set()
        killer.join()
    assert iterator.restarts >= 5


def test_a_sampler_without_places_is_left_to_pytorch():
    hook = WorkerHook()
    loop = IterBasedTrainLoop.__new__(IterBasedTrainLoop)
    loop.fast_forward_on_resume, loop.dataloader_iterator = False, 'own'
    runner = SimpleNamespace(train_loop=loop, iter=0)
    loop.dataloader = DataLoader([1, 2, 3], num_workers=1)
    hook.before_train(runner)
    assert loop.dataloader_iterator == 'own'
    loop.dataloader = loader([1, 2, 3], 1)
    hook.before_train(runner)
    assert isinstance(loop.dataloader_iterator, RestartingIterator)
    runner.iter, loop.dataloader_iterator, loop.fast_forward_on_resume = 5, 'own', True
    hook.before_train(runner)
    assert loop.dataloader_iterator == 'own'


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


def test_label_maps_are_waited_for_too(photo, tmp_path):
    path, pixels = photo
    labels = tmp_path / 'labels'
    labels.mkdir()
    Image.fromarray(pixels[..., 0]).save(labels / 'a.png')
    os.rename(labels, tmp_path / 'away')
    threading.Timer(1.5, os.rename, [tmp_path / 'away', labels]).start()
    results = LoadPhoto().transform(dict(img_path=str(path), seg_map_path=str(labels / 'a.png'), seg_fields=[], reduce_zero_label=False))
    found = LoadLabelMap(patience=30, reduce_zero_label=False).transform(results)
    assert np.array_equal(found['gt_seg_map'], pixels[..., 0])


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


frozen = []


@HOOKS.register_module()
class FolderIsAway(Hook):
    """Take the photos away at the third iteration, and bring them back; note what the garbage collector leaves alone."""

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        frozen.append(gc.get_freeze_count())
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
    assert min(frozen) > 100_000  # else a collection writes to what the workers share: docs/reliability.md
    assert gc.get_freeze_count() == 0

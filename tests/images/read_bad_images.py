"""Read every file of bad_images.py through one reader, in a process of its own, and report what happened as JSON.

    python -m tests.images.read_bad_images READER FOLDER                   every file, listed in cases.pickle beside it
    python -m tests.images.read_bad_images READER FOLDER SMALL LARGE ...   what each takes in bytes a pixel

A process of its own, since a hang is to be stopped and memory to be measured.
"""

import contextlib
import functools
import gc
import glob
import io
import json
import multiprocessing
import os
import pickle
import resource
import shutil
import sys
import time
import traceback
import warnings
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

from semrestore.errors import UserError

warnings.simplefilter('ignore')

TASK = """
_base_ = 'semrestore::evaluation/efficientnet_lite0_imagenet_samples.py'
pipeline = [dict(type='LoadPhoto'), dict(type='mmpretrain.PackInputs')]
test_dataloader = dict(dataset=dict(pipeline=pipeline))
task = dict(
    _delete_=True,
    type='OpenMMLabTask',
    model=dict(
        type='ImageClassifier',
        data_preprocessor=dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], to_rgb=True),
        backbone=dict(type='MobileNetV2', widen_factor=0.1),
        neck=dict(type='GlobalAveragePooling'),
        head=dict(type='LinearClsHead', num_classes=7, in_channels=1280),
    ),
    checkpoint='random',
)
model = dict(task=task)
"""


def dataset(path: Path) -> tuple[int, int]:
    """Read as training and evaluation do."""
    from semrestore.datasets import LoadPhoto

    return LoadPhoto().transform(dict(img_path=str(path)))['img'].shape[:2]


def inference(path: Path) -> tuple[int, int]:
    """Read every frame as ``semrestore denoise`` does, up to the file that it writes."""
    from PIL import Image, ImageOps

    from semrestore.images import read

    for picture in read(path):
        out = Path(sys.argv[2]) / 'out' / 'restored.png'
        out.parent.mkdir(exist_ok=True)
        picture.save(out)
        with Image.open(out) as stored:
            height, width = ImageOps.exif_transpose(stored).size[::-1]
        assert np.isfinite(picture.pixels).all()
    return height, width


def rating(path: Path) -> tuple[int, int]:
    """Read as the page for raters does, which shows two methods' images."""
    from PIL import Image

    from projects.rating.images import MethodFolders

    folders = {}
    for method in ('one', 'two'):
        folder = Path(sys.argv[2]) / 'methods' / method
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.iterdir():
            old.unlink()
        (folder / 'image.png').symlink_to(path)  # what it is is read off its content
        folders[method] = folder
    methods = MethodFolders(folders)
    return Image.open(io.BytesIO(methods.png('one', methods.names[0]))).size[::-1]


def pair(path: Path) -> tuple[int, int]:
    """Read as the noisy one of a pair, whose clean partner is good and of the same size."""
    from semrestore.datasets import LoadPair

    clean = Path(sys.argv[2]) / 'target.png'
    try:
        return LoadPair().transform(dict(img_path=str(clean), noisy_path=str(path)))['img'].shape[:2]
    except UserError as error:
        if 'differ in size' in str(error):  # it was read, and told from its partner
            return LoadPair().transform(dict(img_path=str(path), noisy_path=str(path)))['img'].shape[:2]
        raise


def labels(path: Path) -> tuple[int, int]:
    """Read as the label map of a good photo; a file with colours is not a label map."""
    from semrestore.datasets import LoadLabelMap, LoadPhoto

    global strict
    strict = False  # most have colours, or are of other sizes
    results = LoadPhoto().transform(
        dict(img_path=str(Path(sys.argv[2]) / 'target.png'), seg_map_path=str(path), seg_fields=[])
    )
    return LoadLabelMap(reduce_zero_label=False).transform(results | dict(reduce_zero_label=False))['gt_seg_map'].shape


def compare(path: Path) -> tuple[int, int]:
    """Read as the comparison of methods does, by its command."""
    from semrestore.images import read_photo

    _compare(path, '--as-they-are')
    return read_photo(path).shape[:2]


def reference(path: Path) -> tuple[int, int]:
    """Read as the clean one of a good photo that is noisy, by the same command."""
    from semrestore.images import read_photo

    try:
        _compare(Path(sys.argv[2]) / 'target.png', '--references', glob.escape(str(path)))
    except UserError as error:
        if 'differ in size' not in str(error):  # otherwise it was read, and told from its partner
            raise
    return read_photo(path).shape[:2]


def task(path: Path) -> tuple[int, int]:
    """Read by the test pipeline of a task, whose network says what it sees in it, by the same command."""
    from semrestore.images import read_photo
    from semrestore.visualization import compare as module

    config = Path(sys.argv[2]).with_name('task.py')
    if not config.exists():
        config.write_text(TASK)
        build = functools.cache(lambda cfg, device, built=module.Onlooker: built(cfg, device))
        module.Onlooker = lambda cfg, device: build(_Same(cfg), device)  # one network for all of them
    _compare(path, '--as-they-are', '--task', str(config))
    return read_photo(path).shape[:2]


class _Same:
    """A config that equals every other one."""

    def __init__(self, cfg) -> None:
        self.cfg = cfg

    def __hash__(self) -> int:
        return 0

    def __eq__(self, other: object) -> bool:
        return True

    def __getattr__(self, name: str) -> object:
        return getattr(self.cfg, name)


def _compare(image: Path, *options: str) -> None:
    from semrestore.cli import compare as command

    global strict
    strict = False  # some are too small or too odd to be drawn beside others
    out = Path(sys.argv[2]) / 'compared'
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        command.main([glob.escape(str(image)), '--methods', 'noisy', '--dpi', '30', '--out', str(out), *options])
    assert list(out.glob('*.png'))
    shutil.rmtree(out)


def fake_ghostscript(folder: Path) -> Path:
    """Put a fake program first on the PATH, and return the file that it leaves when it runs."""
    ran = folder / 'ran'
    folder.mkdir(exist_ok=True)
    (folder / 'gs').write_text(f"#!/bin/sh\ntouch '{ran}'\n")
    (folder / 'gs').chmod(0o755)
    os.environ['PATH'] = f'{folder}:{os.environ["PATH"]}'
    return ran


def bytes_a_pixel(reader: Callable, small: Path, path: Path) -> float:
    """Return what reading one file adds to the memory of this process, which has read a small one before."""
    reader(small)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    height, width = reader(path)
    return 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / (height * width)


strict = True  # what is to be refused has to be, and what is to be read


def main() -> None:
    """Print a JSON of what went wrong, the number of files, the slowest one and the memory that was taken."""
    readers = dataset, inference, rating, pair, labels, compare, reference, task
    name, _, every = sys.argv[1].partition('/')
    reader = {reader.__name__: reader for reader in readers}[name]
    folder = Path(sys.argv[2])
    if sys.argv[3:]:
        small, *large = map(Path, sys.argv[3:])
        reader(small)  # imports
        taken = {}
        for path in large:
            with ProcessPoolExecutor(1, multiprocessing.get_context('fork')) as another:
                taken[path.name] = another.submit(bytes_a_pixel, reader, small, path).result()
        print(json.dumps(taken))
        return
    ran = fake_ghostscript(folder.with_name('bin'))
    cases = pickle.loads(folder.with_name('cases.pickle').read_bytes())
    good = next(case for case in cases if case.path.name == 'target.png')
    with contextlib.suppress(UserError):
        reader(good.path)  # imports, and what they take
    gc.freeze()  # what was imported, which `compare` would have looked through at each picture
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    wrong, read, slowest = [], 0, (0.0, '')
    for case in cases[:: int(every or 1)]:
        start = time.process_time()
        try:
            size = tuple(int(side) for side in reader(case.path))
            read += 1
            if case.refused:
                wrong.append(f'{case.path.name!r} was read: {size}')
            elif size != case.size and -1 not in case.size:
                wrong.append(f'{case.path.name!r} has the size {size}, expected {case.size}')
        except UserError as error:
            if case.refused is False and strict:
                wrong.append(f'{case.path.name!r} was refused: {error}')
        except BaseException:
            wrong.append(f'{case.path.name!r}: {traceback.format_exc(limit=-3)}')
        slowest = max(slowest, (time.process_time() - start, case.path.name))
    if ran.exists():
        wrong.append('another program was run')
    used = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    report = dict(wrong=wrong, files=len(cases), read=read, seconds=slowest[0], slowest=slowest[1], megabytes=used)
    print(json.dumps(report))


if __name__ == '__main__':
    main()

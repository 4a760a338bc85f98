"""Read every file of tests/bad_images.py through one reader, in a process of its own, and report what happened as JSON.

    python -m tests.read_bad_images READER FOLDER

A process of its own, since a hang is to be stopped and memory to be measured.
"""

import json
import resource
import sys
import time
import traceback
import warnings
from pathlib import Path

import numpy as np

from semrestore.errors import UserError
from tests import bad_images

warnings.simplefilter('ignore')


def dataset(path: Path) -> tuple[int, int]:
    """Read as training and evaluation do."""
    from semrestore.datasets import LoadPhoto

    return LoadPhoto().transform(dict(img_path=str(path)))['img'].shape[:2]


def inference(path: Path) -> tuple[int, int]:
    """Read as ``semrestore denoise`` and the inferencer do, every frame, up to the file that they write; as it is seen."""
    from PIL import Image, ImageOps

    from semrestore.inference.pictures import read

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
    import io

    from PIL import Image

    from semrestore.mos.images import MethodFolders

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


def main() -> None:
    """Print a JSON of what went wrong, the number of files, the slowest one and the memory that was taken."""
    reader = dict(dataset=dataset, inference=inference, rating=rating)[sys.argv[1]]
    cases = bad_images.write(Path(sys.argv[2]))
    good = next(case for case in cases if case.path.name == 'target.png')
    reader(good.path)  # imports, and what they take
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    wrong, slowest = [], (0.0, '')
    for case in cases:
        start = time.perf_counter()
        try:
            size = tuple(int(side) for side in reader(case.path))
            if case.refused:
                wrong.append(f'{case.path.name!r} was read: {size}')
            elif size != case.size and -1 not in case.size:
                wrong.append(f'{case.path.name!r} has the size {size}, expected {case.size}')
        except UserError as error:
            if case.refused is False:
                wrong.append(f'{case.path.name!r} was refused: {error}')
        except BaseException:
            wrong.append(f'{case.path.name!r}: {traceback.format_exc(limit=-3)}')
        slowest = max(slowest, (time.perf_counter() - start, case.path.name))
    used = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    report = dict(wrong=wrong, files=len(cases), seconds=slowest[0], slowest=slowest[1], megabytes=used)
    print(json.dumps(report))


if __name__ == '__main__':
    main()

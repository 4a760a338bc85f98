"""Check the data folder that the configs expect, and build what can be built.

This module imports no PyTorch, so that checking data is quick.
"""

import gzip
import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Callable
from pathlib import Path

from semrestore.errors import UserError
from semrestore.files import read_text, write_text
from semrestore.images.listing import images_below

__all__ = ['CHECKS', 'build_bsds', 'build_trainaug', 'check', 'unpack_tiny_imagenet']

# The test images of Roth and Black (CVPR 2005), by their numbers in BSDS: "BSD68", in colour "CBSD68".
CBSD68 = frozenset(
    """
    3096 12084 14037 16077 19021 21077 24077 33039 101085 101087 102061 103070 105025 106024 108005 108070 108082 109053
    119082 123074 126007 130026 134035 143090 145086 147091 148026 148089 157055 159008 160068 163085 167062 167083
    170057 175032 175043 182053 189080 196073 197017 208001 210088 216081 219090 220075 223061 227092 229036 236037
    241004 241048 253027 253055 260058 271035 285079 291000 295087 296007 296059 299086 300091 302008 304034 304074
    306005 351093 """.split()  # noqa: SIM905 (a page of quotes otherwise)
)


# Weights of task networks that configs name; docs/tasks.md says what they are.
HEADS = (
    'vgg16_relu3_3.pth',
    'squeezenet11.pth',
    'deeplabv3_mnv2_dm05_voc_257_float.pth',
    'deeplabv3_mnv2_dm05_voc_257_float.json',
)


def check(name: str, data: Path) -> tuple[str, str]:
    """Check one data set; return what is wrong (an empty text if nothing is) and what is there."""
    return CHECKS[name](data / name.removesuffix('aug'))


def unpack_tiny_imagenet(folder: Path) -> list[str]:
    """Unpack Tiny ImageNet's two archives unless they are unpacked, and return lines that say so.

    Raises:
        UserError: An archive is damaged, or holds paths that lead out of the folder.
    """
    lines = []
    for name, split in (('train_200x200.tar.gz', 'train'), ('val_10000.tar.gz', 'val')):
        archive = folder / name
        if (folder / split).exists() or not archive.is_file():
            continue
        try:
            with gzip.open(archive) as content:  # up to its checksum, since tarfile takes a bad header for the end
                while content.read(2**20):
                    pass
            with tempfile.TemporaryDirectory(prefix=f'.{split}-', dir=folder) as partial:
                with tarfile.open(archive) as file:
                    file.extractall(partial, filter='data')
                (Path(partial) / split).rename(folder / split)
        except (OSError, EOFError, zlib.error, tarfile.TarError) as error:
            raise UserError(f"'{archive}' cannot be unpacked: {error}") from None
        lines.append(f'{folder / split}: unpacked from {name}')
    return lines


def build_bsds(source: Path, data: Path) -> list[str]:
    """Copy the images of BSDS500 into ``bsds432`` and ``cbsd68``, and return lines that say so.

    Raises:
        UserError: The source does not hold the 500 images.
    """
    images = {path.stem: path for path in images_below(source) if path.stem.isdigit()}
    if len(images) != 500 or not set(images) >= CBSD68:
        raise UserError(
            f"'{source}' has {len(images)} numbered images; expected the 500 of BSDS500, with the 68 of CBSD68"
            ' among them'
        )
    lines = []
    for name, chosen in (('bsds432', set(images) - CBSD68), ('cbsd68', CBSD68)):
        folder = data / name
        if folder.exists():
            lines.append(f'{folder} is there already and stays as it is')
            continue
        try:
            data.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(prefix=f'.{name}-', dir=data) as partial:
                (Path(partial) / name).mkdir()
                for stem in sorted(chosen):
                    shutil.copy2(images[stem], Path(partial) / name)
                (Path(partial) / name).rename(folder)
        except OSError as error:
            raise UserError(f"'{folder}' cannot be built: {error}") from None
        lines.append(f'{folder}: {len(chosen)} images')
    return lines


def build_trainaug(voc: Path) -> str | None:
    """Write ``trainaug.txt`` if it is missing: every photo with a label of SBD that is not in VOC's val list."""
    lists, labels = voc / 'ImageSets/Segmentation', voc / 'SegmentationClassAug'
    target = lists / 'trainaug.txt'
    if target.exists() or not labels.is_dir() or not (lists / 'val.txt').is_file():
        return None
    names = sorted({path.stem for path in labels.glob('*.png')} - set(read_text(lists / 'val.txt', 'list').split()))
    if not names:
        return None
    write_text(target, '\n'.join(names) + '\n')
    return f'{target}: {len(names)} photos (10,582 with the whole of SBD)'


def _photos(count: int) -> Callable[[Path], tuple[str, str]]:
    def check(folder: Path) -> tuple[str, str]:
        found = len(images_below(folder)) if folder.is_dir() else 0
        return (f'{folder}: {found} images, expected {count}' if found != count else ''), f'{count} images'

    return check


def _class_folders(**counts: int) -> Callable[[Path], tuple[str, str]]:
    def check(folder: Path) -> tuple[str, str]:
        for split, count in counts.items():
            listed = folder / 'meta' / f'{split}.txt'
            if not (folder / split).is_dir():
                return f'{folder / split} does not exist', ''
            if sum(path.is_dir() for path in (folder / split).glob('n*')) != count and not listed.is_file():
                return f'{folder / split}: expected {count} class folders n…, or images with the list {listed}', ''
        return '', ' and '.join(counts)

    return check


def _imagenet_samples(folder: Path) -> tuple[str, str]:
    labels = folder / 'labels.txt'
    if not labels.is_file():
        return f'{labels}: expected "file class-index" a line', ''
    names = [line.rsplit(' ', 1)[0] for line in read_text(labels, 'list').splitlines() if line]
    absent = [name for name in names if not (folder / name).is_file()]
    return (
        f'{folder / absent[0]} and {len(absent) - 1} more that labels.txt names' if absent else ''
    ), f'{len(names)} images with labels'


def _files(*names: str) -> Callable[[Path], tuple[str, str]]:
    def check(folder: Path) -> tuple[str, str]:
        absent = [name for name in names if not (folder / name).is_file()]
        return (f'{folder / absent[0]}, and {len(absent) - 1} more' if absent else ''), f'{len(names)} files'

    return check


def _voc(labels: str, *lists: str) -> Callable[[Path], tuple[str, str]]:
    def check(folder: Path) -> tuple[str, str]:
        counts = []
        for name in lists:
            listed = folder / 'ImageSets/Segmentation' / f'{name}.txt'
            if not listed.is_file():
                return f'{listed} does not exist', ''
            names = read_text(listed, 'list').split()
            where = 'SegmentationClass' if name == 'val' else labels
            paths = [
                path for stem in names for path in (folder / f'JPEGImages/{stem}.jpg', folder / f'{where}/{stem}.png')
            ]
            absent = [path for path in paths if not path.is_file()]
            if absent:
                return f'{absent[0]} and {len(absent) - 1} more that {listed.name} names', ''
            counts.append(f'{len(names)} {name}')
        return '', ', '.join(counts)

    return check


CHECKS: dict[str, Callable[[Path], tuple[str, str]]] = {
    'bsds432': _photos(432),
    'cbsd68': _photos(68),
    'kodak24': _photos(24),
    'cc15': _photos(30),
    'heads': _files(*HEADS),
    'imagenet': _class_folders(train=1000, val=1000),
    'imagenet_samples': _imagenet_samples,
    'unlabelled628': _photos(628),
    'tiny_imagenet': _class_folders(train=200, val=200),
    'voc2012': _voc('SegmentationClass', 'train', 'val'),
    'voc2012aug': _voc('SegmentationClassAug', 'trainaug', 'val'),
}

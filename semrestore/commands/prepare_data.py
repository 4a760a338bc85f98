"""Check the data below one folder against what the configs expect, say what is missing, and build what can be built.

Built are: bsds432 and cbsd68 from a copy of BSDS500 (--bsds500), and VOC's list trainaug.txt from the labels of SBD in
voc2012/SegmentationClassAug. Nothing that is there is changed.
"""

import argparse
import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from semrestore.datasets.photo_folder import SUFFIXES
from semrestore.errors import UserError
from semrestore.files import read_text, write_text

# The test images of Roth and Black (CVPR 2005), by their numbers in BSDS: "BSD68", in colour "CBSD68".
CBSD68 = frozenset(
    """
    3096 12084 14037 16077 19021 21077 24077 33039 101085 101087 102061 103070 105025 106024 108005 108070 108082 109053 119082
    123074 126007 130026 134035 143090 145086 147091 148026 148089 157055 159008 160068 163085 167062 167083 170057 175032 175043
    182053 189080 196073 197017 208001 210088 216081 219090 220075 223061 227092 229036 236037 241004 241048 253027 253055 260058
    271035 285079 291000 295087 296007 296059 299086 300091 302008 304034 304074 306005 351093
    """.split()  # noqa: SIM905 (a page of quotes otherwise)
)


# Weights of task networks that configs name; docs/tasks.md says what they are.
HEADS = (
    'vgg16_relu3_3.pth',
    'squeezenet11.pth',
    'deeplabv3_mnv2_dm05_voc_257_float.pth',
    'deeplabv3_mnv2_dm05_voc_257_float.json',
)


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        '--data', type=Path, default=Path(os.environ.get('SEMRESTORE_DATA', 'data')), help='default: SEMRESTORE_DATA, or data'
    )
    parser.add_argument(
        '--bsds500', type=Path, metavar='DIR', help="a copy of BSDS500: its images in any folders below, such as 'images/train'"
    )
    parser.add_argument('--only', nargs='+', choices=sorted(CHECKS), metavar='SET', help=f'sets to check: {", ".join(sorted(CHECKS))}')
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run ``tools/prepare_data.py``."""
    from rich.console import Console
    from rich.table import Table

    options = parse(arguments)
    console = Console(highlight=False, markup=False)
    if options.bsds500:
        for line in build_bsds(options.bsds500, options.data):
            console.print(line)
    if not options.data.is_dir():
        raise UserError(f"the data folder '{options.data}' does not exist; give it as --data or in SEMRESTORE_DATA")
    if line := build_trainaug(options.data / 'voc2012'):
        console.print(line)
    table = Table('set', 'state')
    table.add_column('what', overflow='fold')
    missing = []
    for name in options.only or CHECKS:
        problem, found = CHECKS[name](options.data / name.removesuffix('aug'))
        table.add_row(name, 'missing' if problem else 'there', problem or found)
        missing += [name] * bool(problem)
    console.print(table)
    if missing and options.only:
        raise UserError(f'not all of the sets are there: {", ".join(missing)}; docs/data.md has the folder tree and the sources')


def build_bsds(source: Path, data: Path) -> list[str]:
    """Copy the images of BSDS500 into ``bsds432`` and ``cbsd68``, and say so.

    Raises:
        UserError: The source does not hold the 500 images.
    """
    images = {path.stem: path for path in sorted(source.rglob('*')) if path.suffix.lower() in SUFFIXES and path.stem.isdigit()}
    if len(images) != 500 or not set(images) >= CBSD68:
        raise UserError(f"'{source}' holds {len(images)} numbered images; expected the 500 of BSDS500, the 68 of CBSD68 among them")
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
    """Write ``trainaug.txt``, every photo with a label of SBD that is not in VOC's val list, if it can be and is not there."""
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
        found = sum(path.suffix.lower() in SUFFIXES for path in folder.rglob('*')) if folder.is_dir() else 0
        return (f'{folder}: {found} images, expected {count}' if found != count else ''), f'{count} images'

    return check


def _imagenet(folder: Path) -> tuple[str, str]:
    for split, count in (('train', 1000), ('val', 1000)):
        folders = sum(path.is_dir() for path in (folder / split).glob('n*')) if (folder / split).is_dir() else 0
        listed = folder / 'meta' / f'{split}.txt'
        if folders != count and not (listed.is_file() and (folder / split).is_dir()):
            return f'{folder / split}: expected {count} class folders n…, or images with the list {listed}', ''
    return '', 'train and val'


def _imagenet_samples(folder: Path) -> tuple[str, str]:
    labels = folder / 'labels.txt'
    if not labels.is_file():
        return f'{labels}: expected "file class-index" a line', ''
    names = [line.rsplit(' ', 1)[0] for line in read_text(labels, 'list').splitlines() if line]
    absent = [name for name in names if not (folder / name).is_file()]
    return (f'{folder / absent[0]} and {len(absent) - 1} more that labels.txt names' if absent else ''), f'{len(names)} images with labels'


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
            paths = [path for stem in names for path in (folder / f'JPEGImages/{stem}.jpg', folder / f'{where}/{stem}.png')]
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
    'imagenet': _imagenet,
    'imagenet_samples': _imagenet_samples,
    'tiny_imagenet': _files('train_200x200.tar.gz', 'val_10000.tar.gz'),
    'voc2012': _voc('SegmentationClass', 'train', 'val'),
    'voc2012aug': _voc('SegmentationClassAug', 'trainaug', 'val'),
}

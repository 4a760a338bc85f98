"""Load unlabelled photos: from a folder, from a list file, or from installed packages."""

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, get_args

from mmengine.dataset import BaseDataset
from PIL import Image

from semrestore.errors import UserError
from semrestore.files import read_text
from semrestore.images.formats import suffixes
from semrestore.images.listing import images_below
from semrestore.images.split import LEAST_HELD_OUT, held_out
from semrestore.registry import DATASETS

Part = Literal['train', 'held_out']


def check_part(chosen: int, count: int, where: str) -> None:
    """Raise a :class:`UserError` if no photo of ``count`` is left for training."""
    if not chosen:
        raise UserError(
            f"{where} has {count} photos, which are all held out, so that part='train' is empty; expected more than"
            f' {LEAST_HELD_OUT}. Add photos, or leave out part'
        )


@DATASETS.register_module()
class PhotoFolder(BaseDataset):
    """Load every image in a folder, in sorted order, or the images of a list file in its order.

    Args:
        data_root: Folder that holds the data sets.
        folder: The images' folder, below ``data_root``. It is searched recursively.
        list_file: Text file below ``data_root`` with one path a line, relative to ``folder``; blank lines and lines
            that start with ``#`` are skipped.
        suffix: What to add to the lines of the list, as VOC's lists name photos without it.
        part: ``'train'`` leaves out the photos that are held out, ``'held_out'`` takes those alone: a tenth, at least 8
            and at most 200, by chance but always the same. By default all are taken.
        name: Name of the data set, which prefixes the names of metrics; none by default.
        how_to_get: What to tell a user who does not have the data.
        pipeline: Transforms, :class:`~semrestore.datasets.LoadPhoto` first.

    Each item gives the pipeline ``img_path``, ``name`` (the path below the folder, without suffix) and
    ``dataset_name``.

    Raises:
        UserError: The folder is missing or has no images, the list names a file that is not there, or the part is
            empty.
    """

    METAINFO = dict(dataset_type='photos')

    def __init__(
        self,
        data_root: str = '',
        folder: str = '',
        list_file: str | None = None,
        suffix: str = '',
        part: Part | None = None,
        name: str | None = None,
        how_to_get: str = '',
        pipeline: Sequence[dict] = (),
        **kwargs: Any,
    ) -> None:
        self.folder = Path(data_root) / folder
        self.list_file = Path(data_root) / list_file if list_file else None
        self.suffix = suffix
        if part not in (None, *get_args(Part)):
            raise UserError(f"part of PhotoFolder is '{part}'; expected one of {', '.join(get_args(Part))}, or None")
        self.part = part
        self.name = name
        self.how_to_get = how_to_get
        super().__init__(data_root=data_root, pipeline=list(pipeline), serialize_data=False, **kwargs)

    def load_data_list(self) -> list[dict]:
        """List the images, one dict each."""
        paths = self._paths()
        if self.part is not None:
            apart = {paths[index] for index in held_out(len(paths))}
            chosen = [path for path in paths if (path in apart) == (self.part == 'held_out')]
            check_part(len(chosen), len(paths), f"'{self.list_file or self.folder}'")
            paths = chosen
        return [dict(img_path=str(path), name=self._name_of(path), dataset_name=self.name) for path in paths]

    def _name_of(self, path: Path) -> str:
        below = path.relative_to(self.folder) if path.is_relative_to(self.folder) else path  # a list may name others
        return below.with_suffix('').as_posix()

    def _paths(self) -> list[Path]:
        if not self.folder.is_dir():
            advice = f'{self.how_to_get} ' if self.how_to_get else ''
            raise UserError(
                f"folder '{self.folder}' of images does not exist. {advice}Set SEMRESTORE_DATA to the folder that"
                f" contains '{self.folder.name}', or try the config with --embedded, which needs no data"
            )
        if self.list_file is None:
            paths = images_below(self.folder)
            if not paths:
                raise UserError(
                    f"folder '{self.folder}' has no images; expected files that end in {', '.join(sorted(suffixes()))}"
                )
            return paths
        lines = read_text(self.list_file, 'list file').splitlines()
        paths = [
            self.folder / f'{line.strip()}{self.suffix}' for line in lines if line.strip() and not line.startswith('#')
        ]
        missing = [path for path in paths if not path.is_file()]
        if missing:
            raise UserError(
                f"list file '{self.list_file}' names {len(missing)} files that do not exist, such as '{missing[0]}'"
            )
        if not paths:
            raise UserError(f"list file '{self.list_file}' names no images")
        return paths


@DATASETS.register_module()
class EmbeddedPhotos(PhotoFolder):
    """Load the colour photos that scikit-image and scikit-learn contain, without a download.

    Left out are the second picture of the stereo pair, the scan of a retina and what is grey or drawn.

    Args:
        split: ``'train'`` (astronaut, china, hubble_deep_field, ihc, motorcycle_left, rocket) or ``'val'`` (chelsea,
            coffee, flower).
        view: Side in pixels of square views to cut out of each photo; ``None`` for whole photos. A view is named after
            its photo and its upper left corner.
        stride: Pixels from one view to the next.
    """

    PACKAGES = {'skimage': 'data', 'sklearn': 'datasets/images'}
    SPLITS = {
        'train': [
            'astronaut.png',
            'china.jpg',
            'hubble_deep_field.jpg',
            'ihc.png',
            'motorcycle_left.png',
            'rocket.jpg',
        ],
        'val': ['chelsea.png', 'coffee.png', 'flower.jpg'],
    }

    def __init__(self, split: str = 'train', view: int | None = None, stride: int | None = None, **kwargs: Any) -> None:
        if split not in self.SPLITS:
            raise UserError(f"split of EmbeddedPhotos is '{split}'; expected one of {sorted(self.SPLITS)}")
        self.split = split
        self.view = view
        self.stride = stride or view or 0
        super().__init__(**kwargs)

    def load_data_list(self) -> list[dict]:
        """List the photos, or the views of them."""
        photos = super().load_data_list()
        if self.view is None:
            return photos
        views = []
        for photo in photos:
            width, height = Image.open(photo['img_path']).size
            for top in range(0, height - self.view + 1, self.stride):
                for left in range(0, width - self.view + 1, self.stride):
                    name = f'{photo["name"]}@{top},{left}'
                    views.append({**photo, 'name': name, 'view': (top, left, self.view)})
        return views

    def _name_of(self, path: Path) -> str:
        return path.stem

    def _paths(self) -> list[Path]:
        folders = []
        for package, folder in self.PACKAGES.items():
            spec = importlib.util.find_spec(package)
            if spec is None or spec.origin is None:
                raise UserError(
                    f'the embedded photos come with {package}, which is not installed. Install it: pip install'
                    ' semrestore'
                )
            folders.append(Path(spec.origin).parent / folder)
        paths = []
        for name in self.SPLITS[self.split]:
            found = [folder / name for folder in folders if (folder / name).is_file()]
            if not found:
                raise UserError(
                    f"the installed scikit-image and scikit-learn do not contain '{name}'. Install versions"
                    ' within the ranges of pyproject.toml'
                )
            paths.append(found[0])
        return paths

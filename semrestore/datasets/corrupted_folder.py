"""Load labelled images that are stored degraded, without a clean partner (ImageNet-C, ImageNet-ES)."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from mmengine.dataset import BaseDataset

from semrestore.corruptions import UNTOUCHED
from semrestore.errors import UserError, near
from semrestore.images.listing import images_below
from semrestore.registry import DATASETS


@DATASETS.register_module()
class CorruptedFolder(BaseDataset):
    """Load images from class folders, inside folders that name the degradation.

    ============= ========================================== ===============================================
    data          ``severities``                             example
    ============= ========================================== ===============================================
    ImageNet-C    ``(1, 2, 3, 4, 5)``, or some of them       ``gaussian_noise/3/n01440764/ILSVRC2012_x.JPEG``
    ImageNet-ES   ``None``: there are no severity folders    ``param_control/l1/param_2/n01443537/x.JPEG``
    ============= ========================================== ===============================================

    A model for such data has the degradation :class:`~semrestore.degradations.AlreadyDegraded`, and no metric of theirs
    can ask for a clean image.

    Args:
        data_root: Folder that holds the data sets.
        folder: The tree's folder, below ``data_root``.
        corruptions: Which ones to take, in this order; by default all, sorted. With severity folders they are called
            by the folder above (``gaussian_noise``, also for ``noise/gaussian_noise/3``), without by the whole path
            (``param_control-l1-param_2``).
        severities: Which severity folders to take; ``None`` if the tree has none.
        classes: Names of the class folders in the order of the network's classes. ``'imagenet'`` stands for ImageNet's
            thousand synsets; by default the folders that are there, sorted.
        clean: Folder of the tree with the images before any degradation, in class folders; it becomes the row ``none``.
        pipeline: Transforms, :class:`~semrestore.datasets.LoadPhoto` first.

    Each item gives the pipeline ``img_path``, ``gt_label``, ``corruption`` and ``severity``.

    Raises:
        UserError: The folder is missing or holds no such tree, a corruption or a severity is missing, two corruptions
            would have one name, or a folder is none of the classes.
    """

    METAINFO = dict(dataset_type='corrupted')

    def __init__(
        self,
        data_root: str = '',
        folder: str = '',
        corruptions: Sequence[str] | None = None,
        severities: Sequence[int] | None = (1, 2, 3, 4, 5),
        classes: Sequence[str] | str | None = None,
        clean: str | None = None,
        pipeline: Sequence[dict] = (),
        **kwargs: Any,
    ) -> None:
        self.folder = Path(data_root) / folder
        self.corruptions = None if corruptions is None else list(corruptions)
        self.severities = None if severities is None else list(severities)
        self.classes = imagenet_synsets() if classes == 'imagenet' else None if classes is None else list(classes)
        self.clean = None if clean is None else self.folder / clean
        super().__init__(data_root=data_root, pipeline=list(pipeline), serialize_data=False, **kwargs)

    @cached_property
    def conditions(self) -> dict[tuple[str, int | None], list[int]]:
        """Indices of the images by corruption and severity."""
        found: dict[tuple[str, int | None], list[int]] = {}
        for index in range(len(self)):
            info = self.get_data_info(index)
            found.setdefault((info['corruption'], info['severity']), []).append(index)
        return found

    def load_data_list(self) -> list[dict]:
        """List the images, one dict each, by corruption, severity and path."""
        if not self.folder.is_dir():
            raise UserError(
                f"folder '{self.folder}' of corrupted images does not exist. Set SEMRESTORE_DATA to the folder"
                ' that contains it'
            )
        found: dict[str, dict[int | None, list[Path]]] = {}
        folders: dict[str, Path] = {}
        for path in images_below(self.folder):
            if self.clean in path.parents:
                continue
            corruption, severity = self._condition(path)
            folder = path.parents[1 if severity is None else 2]
            if folders.setdefault(corruption, folder) != folder:
                raise UserError(
                    f"'{folders[corruption]}' and '{folder}' would have the same name, '{corruption}'. Rename one"
                    ' of them'
                )
            found.setdefault(corruption, {}).setdefault(severity, []).append(path)
        if not found:
            raise UserError(f"folder '{self.folder}' has no images")
        names = sorted(found) if self.corruptions is None else self.corruptions
        for name in names:
            self._check(name, found)
        used: list[int | None] = [None] if self.severities is None else [*self.severities]
        chosen = [(name, severity, path) for name in names for severity in used for path in found[name][severity]]
        if self.clean is not None:
            clean = images_below(self.clean)
            if not clean:
                raise UserError(f"folder '{self.clean}' of clean images is missing or has no images")
            chosen = [(UNTOUCHED, None, path) for path in clean] + chosen
        classes = self.classes or sorted({path.parent.name for _, _, path in chosen})
        labels = {name: label for label, name in enumerate(classes)}
        if self.classes is None:
            self.folder_to_idx = labels  # by which check_class_folders knows that folders are the classes
        foreign = next((path.parent for _, _, path in chosen if path.parent.name not in labels), None)
        if foreign is not None:
            hint = near(foreign.name, labels)
            raise UserError(f"folder '{foreign}' is not named after one of the {len(labels)} classes.{hint}")
        return [
            dict(img_path=str(path), gt_label=labels[path.parent.name], corruption=name, severity=severity)
            for name, severity, path in chosen
        ]

    def _condition(self, path: Path) -> tuple[str, int | None]:
        parts = path.relative_to(self.folder).parts[:-2]  # without the class and the file
        if self.severities is None and parts:
            return '-'.join(parts), None
        if self.severities is not None and len(parts) > 1 and parts[-1].isdecimal():
            return parts[-2], int(parts[-1])
        layout = 'CONDITION/CLASS/IMAGE' if self.severities is None else 'CORRUPTION/SEVERITY/CLASS/IMAGE'
        other = '' if self.severities is None else ', or severities=None if the tree has no severity folders'
        raise UserError(
            f"'{path}' is in the wrong place for CorruptedFolder; expected {layout} in '{self.folder}'{other}"
        )

    def _check(self, name: str, found: dict[str, dict[int | None, list[Path]]]) -> None:
        if name not in found:
            hint = near(name, found)
            raise UserError(f"'{self.folder}' has no corruption '{name}'.{hint} There are: {', '.join(sorted(found))}")
        missing = [str(severity) for severity in self.severities or () if severity not in found[name]]
        if missing:
            there = ', '.join(str(severity) for severity in sorted(found[name], key=str))
            raise UserError(
                f"'{name}' in '{self.folder}' has no folder for severity {', '.join(missing)}, only for {there}."
                ' Set severities to those'
            )


def imagenet_synsets() -> list[str]:
    """Return the names of ImageNet's class folders in the order of its thousand classes."""
    from timm.data import ImageNetInfo

    return list(ImageNetInfo().label_names())

"""Load photos with boxes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmengine.structures import BaseDataElement, InstanceData
from PIL import Image

from semrestore.datasets.photo_folder import EmbeddedPhotos, PhotoFolder
from semrestore.errors import UserError
from semrestore.registry import DATASETS, TRANSFORMS

VOC_CLASSES = (
    *('aeroplane', 'bicycle', 'bird', 'boat', 'bottle', 'bus', 'car', 'cat', 'chair', 'cow'),
    *('diningtable', 'dog', 'horse', 'motorbike', 'person', 'pottedplant', 'sheep', 'sofa', 'train', 'tvmonitor'),
)


@DATASETS.register_module()
class VOCBoxes(PhotoFolder):
    """Load photos of Pascal VOC 2012 with class masks, which :class:`BoxesFromMask` turns into boxes.

    Args:
        data_root: The folder ``voc2012`` with ``JPEGImages``, ``SegmentationClass`` and ``ImageSets/Segmentation``.
        split: ``'train'`` or ``'val'``.
        classes: Which of VOC's classes to detect.
        **kwargs: ``pipeline`` and what else PhotoFolder takes.
    """

    def __init__(self, data_root: str, split: str, classes: Sequence[str] = VOC_CLASSES, **kwargs: Any) -> None:
        unknown = [name for name in classes if name not in VOC_CLASSES]
        if unknown:
            raise UserError(f"classes of VOCBoxes has '{unknown[0]}'; expected some of {', '.join(VOC_CLASSES)}")
        self.masks = Path(data_root) / 'SegmentationClass'
        super().__init__(
            data_root=data_root,
            metainfo=dict(classes=tuple(classes)),
            folder='JPEGImages',
            list_file=f'ImageSets/Segmentation/{split}.txt',
            suffix='.jpg',
            **kwargs,
        )

    def load_data_list(self) -> list[dict]:
        """List the photos with their masks, one dict each."""
        values = {VOC_CLASSES.index(name) + 1: index for index, name in enumerate(self.metainfo['classes'], 1)}
        return [
            {**info, 'mask_path': str(self.masks / f'{Path(info["name"]).name}.png'), 'classes': values}
            for info in super().load_data_list()
        ]


@DATASETS.register_module()
class EmbeddedBoxes(EmbeddedPhotos):
    """Load the embedded photos with boxes, drawn by hand around objects of VOC's classes.

    Args:
        split: As of :class:`~semrestore.datasets.EmbeddedPhotos`.
        classes: Which of VOC's classes to detect.
        **kwargs: ``pipeline`` and what else that class takes, except ``view``.
    """

    # left, top, right, bottom in the photo's pixels
    BOXES = {
        'astronaut': [('person', (22, 14, 366, 512))],
        'chelsea': [('cat', (0, 0, 400, 300))],
    }

    def __init__(self, split: str = 'train', classes: Sequence[str] = VOC_CLASSES, **kwargs: Any) -> None:
        if kwargs.get('view') is not None:
            raise ValueError(
                f'view of EmbeddedBoxes is {kwargs["view"]}; expected whole photos, whose boxes are known. Leave view'
                ' out, and cut in the pipeline with a transform that moves boxes'
            )
        super().__init__(split=split, metainfo=dict(classes=tuple(classes)), **kwargs)

    def load_data_list(self) -> list[dict]:
        """List the photos with their boxes, one dict each."""
        classes = self.metainfo['classes']
        photos = super().load_data_list()
        for photo in photos:
            own = [(box, classes.index(name) + 1) for name, box in self.BOXES.get(photo['name'], ()) if name in classes]
            photo['gt_bboxes'] = np.array([box for box, _ in own], np.float32).reshape(-1, 4)
            photo['gt_bboxes_labels'] = np.array([label for _, label in own], np.int64)
        return photos


@TRANSFORMS.register_module()
class BoxesFromMask(BaseTransform):
    """Add ``gt_bboxes`` and ``gt_bboxes_labels``, the boxes of a class mask's connected parts.

    A box is left, top, right, bottom in pixels; labels count from 1.

    Objects of one class that touch share a box, and one that is cut in two has two: masks of classes know no better.

    Args:
        min_side: Smaller boxes are specks of the annotation and left out, in pixels.
    """

    def __init__(self, min_side: int = 16) -> None:
        self.min_side = min_side

    def transform(self, results: dict) -> dict:
        """Read ``mask_path``."""
        from skimage.measure import label, regionprops  # imported late, because it is slow and few commands need boxes

        try:
            mask = np.array(Image.open(results['mask_path']))
        except OSError as error:
            raise UserError(f"mask '{results['mask_path']}' cannot be read: {error}") from None
        boxes, labels = [], []
        for value, index in results['classes'].items():
            for part in regionprops(label(mask == value, connectivity=2)):
                top, left, bottom, right = part.bbox
                if min(bottom - top, right - left) >= self.min_side:
                    boxes.append((left, top, right, bottom))
                    labels.append(index)
        results['gt_bboxes'] = np.array(boxes, np.float32).reshape(-1, 4)
        results['gt_bboxes_labels'] = np.array(labels, np.int64)
        return results


@TRANSFORMS.register_module()
class PackBoxes(BaseTransform):
    """Make the ``inputs`` and the data sample, with the boxes as ``gt_instances`` (``bboxes`` and ``labels``)."""

    def transform(self, results: dict) -> dict:
        """Pack ``img``, ``gt_bboxes`` and ``gt_bboxes_labels``."""
        image = np.ascontiguousarray(results['img'].transpose(2, 0, 1))
        keys = ('img_path', 'name', 'dataset_name', 'img_shape', 'ori_shape')
        sample = BaseDataElement(metainfo={key: results[key] for key in keys if results.get(key) is not None})
        if 'gt_bboxes' in results:
            boxes, labels = (
                torch.from_numpy(results['gt_bboxes']).float(),
                torch.from_numpy(results['gt_bboxes_labels']),
            )
            sample.gt_instances = InstanceData(bboxes=boxes, labels=labels)
        return dict(inputs=torch.from_numpy(image), data_samples=sample)

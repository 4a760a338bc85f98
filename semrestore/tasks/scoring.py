"""Score tasks by their kind of answer: a class, a class map, boxes, depth, or only features."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Literal, get_args

import torch
import torch.nn.functional as F
from mmengine.structures import BaseDataElement, InstanceData, PixelData
from mmpretrain.structures import DataSample
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from semrestore.errors import UserError
from semrestore.tasks.base import FrozenTask, check_classes

Kind = Literal['classification', 'segmentation', 'detection', 'depth', 'features']
KINDS = get_args(Kind)
VOID = 255
"""Label of pixels that do not count."""

SCORES = dict(classification='TopK', segmentation='MeanIoU', detection='CocoAP', depth='DepthAccuracy', features='')
LABELS = dict(classification='gt_label', segmentation='gt_sem_seg', detection='gt_instances', depth='gt_depth_map')


class ScoringTask(FrozenTask):
    """Base class with labels, losses and predictions for each kind of network, of any library.

    ===============  =====================================  =====================================  ==================
    kind             label in a data sample                 prediction                             loss
    ===============  =====================================  =====================================  ==================
    classification   ``gt_label``                           ``pred_label``, ``pred_score``         cross entropy
    segmentation     ``gt_sem_seg``, 255 does not count     ``pred_sem_seg``, at ``ori_shape``     cross entropy
    detection        ``gt_instances``: ``bboxes``           ``pred_instances``, with ``scores``    the network's own
                     (left, top, right, bottom) and
                     ``labels``
    depth            ``gt_depth_map``, 0 does not count     ``pred_depth_map``, at ``ori_shape``   mean relative error
    features         none                                   none                                   none
    ===============  =====================================  =====================================  ==================

    The names are those of mmpretrain, mmseg and mmdet, so their metrics work.

    Args:
        network: The network, with its weights.
        kind: See above.
        num_classes: How many classes it knows.
        self_label_threshold: Detections of this score and above are the labels of images without any.
    """

    first_class = 0
    """The first label of a detector's classes: 1 where 0 is the background."""

    def __init__(self, network: nn.Module, kind: Kind, num_classes: int | None, self_label_threshold: float) -> None:
        if not 0 <= self_label_threshold <= 1:
            raise ValueError(f'self_label_threshold is {self_label_threshold}; expected 0 to 1')
        super().__init__(network)
        self.kind, self.answers = kind, kind != 'features'
        self.num_classes = num_classes
        self.score, self.label = SCORES[kind], LABELS.get(kind, '')
        self.self_label_threshold = self_label_threshold

    @abstractmethod
    def detect(self, images: Tensor) -> list[InstanceData]:
        """Return boxes in pixels of ``images``, labels and scores of each image."""

    @abstractmethod
    def detection_losses(self, images: Tensor, data_samples: Sequence[BaseDataElement]) -> dict[str, Tensor]:
        """Return a detector's own losses."""

    def loss(self, images: Tensor, data_samples: Sequence[BaseDataElement]) -> dict[str, Tensor]:
        """See :meth:`FrozenTask.loss <semrestore.tasks.base.FrozenTask.loss>`."""
        self._check_answers()
        if self.kind == 'detection':
            return self.detection_losses(images, data_samples)
        scores = self.run(images)
        assert isinstance(scores, Tensor)
        if self.kind == 'classification':
            labels = torch.cat([sample.gt_label.view(1) for sample in data_samples]).to(images.device)
            return {'loss_cls': F.cross_entropy(scores, labels)}
        if self.kind == 'segmentation':
            masks = torch.cat([sample.gt_sem_seg.data for sample in data_samples]).to(images.device).long()
            total = F.cross_entropy(_resized(scores, masks.shape[-2:]), masks, ignore_index=VOID, reduction='sum')
            return {'loss_seg': total / (masks != VOID).sum().clamp(min=1)}  # 0 for a batch without a label
        depth = torch.stack([sample.gt_depth_map.data for sample in data_samples]).to(scores)
        known = depth > 0
        error = (_resized(scores, depth.shape[-2:]) - depth)[known].abs()
        return {'loss_depth': (error / depth[known]).sum() / known.sum().clamp(min=1)}

    def predict(self, images: Tensor, data_samples: Sequence[BaseDataElement]) -> list[BaseDataElement]:
        """See :meth:`FrozenTask.predict <semrestore.tasks.base.FrozenTask.predict>`."""
        self._check_answers()
        samples = list(data_samples)
        sizes = [tuple(sample.metainfo.get('ori_shape') or images.shape[-2:])[:2] for sample in samples]
        for sample, found in zip(samples, self._answers(images, sizes), strict=True):
            sample.set_data({f'pred_{name}': value for name, value in found.items()})
        return samples

    def self_label(self, images: Tensor, data_samples: Sequence[BaseDataElement]) -> list[BaseDataElement]:
        """See :meth:`FrozenTask.self_label <semrestore.tasks.base.FrozenTask.self_label>`."""
        self._check_answers()
        size = tuple(images.shape[-2:])
        labelled = []
        for sample, found in zip(data_samples, self._answers(images, [size] * len(images)), strict=True):
            if self.kind == 'detection':
                sure = found['instances'][found['instances'].scores >= self.self_label_threshold]
                found = {'instances': InstanceData(bboxes=sure.bboxes, labels=sure.labels)}
            kind = dict(classification=DataSample, segmentation=SegDataSample).get(self.kind, BaseDataElement)
            target = kind(metainfo={**sample.metainfo, 'ori_shape': size, 'img_shape': size, 'flip': False})
            target.set_data({f'gt_{name}': value for name, value in found.items() if name != 'score'})
            labelled.append(target)
        return labelled

    def _answers(self, images: Tensor, sizes: Sequence[tuple]) -> list[dict]:
        """Return the network's answer for each image under the names of the labels; maps have the given sizes."""
        if self.kind == 'detection':
            return [{'instances': found} for found in self.detect(images)]
        scores = self.run(images)
        assert isinstance(scores, Tensor)
        if self.kind == 'classification':
            chances = scores.softmax(1)
            return [{'score': each, 'label': each.argmax().view(1)} for each in chances]
        maps = [_resized(each[None], size)[0] for each, size in zip(scores, sizes, strict=True)]
        if self.kind == 'segmentation':
            return [{'sem_seg': PixelData(data=each.argmax(0, keepdim=True))} for each in maps]
        return [{'depth_map': PixelData(data=each)} for each in maps]

    def check_labels(self, data_samples: Sequence[BaseDataElement]) -> None:
        """See :meth:`FrozenTask.check_labels <semrestore.tasks.base.FrozenTask.check_labels>`."""
        if self.kind == 'detection':
            for sample in data_samples:
                self._check_boxes(sample)
            return
        names = dict(classification=['gt_label'], segmentation=['gt_sem_seg']).get(self.kind, [])
        check_classes(data_samples, self.num_classes, VOID, names)

    def _check_boxes(self, sample: BaseDataElement) -> None:
        instances = sample.get('gt_instances')
        boxes, labels = (getattr(instances, name, None) for name in ('bboxes', 'labels'))
        where = f"gt_instances of '{sample.metainfo.get('img_path')}'"
        if not isinstance(boxes, Tensor) or not isinstance(labels, Tensor) or boxes.shape != (len(labels), 4):
            raise UserError(f'{where} has no bboxes (N, 4) with labels (N,); expected both, as tensors. Use PackBoxes')
        if len(wrong := boxes[(boxes[:, 2:] <= boxes[:, :2]).any(1) | ~boxes.isfinite().all(1)]):
            raise UserError(f'{where} has the box {wrong[0].tolist()}; expected left, top, right, bottom in pixels')
        last = self.first_class + (self.num_classes or 0) - 1
        if self.num_classes and len(wrong := labels[(labels < self.first_class) | (labels > last)]):
            raise UserError(
                f'{where} has the label {wrong[0].item()}; expected the classes {self.first_class} to {last} of the'
                ' task network'
            )

    def _check_answers(self) -> None:
        if not self.answers:
            raise UserError(
                f'{type(self.network).__name__} has no head, so it has no loss and no predictions. Use it for a'
                ' PerceptualLoss, and another network for a task loss'
            )


def _resized(scores: Tensor, size: tuple | torch.Size) -> Tensor:
    if scores.shape[-2:] == torch.Size(size):
        return scores
    return F.interpolate(scores, size=tuple(size), mode='bilinear', align_corners=False)

"""Use any classifier, segmenter or detector of torchvision as a frozen task, by its name."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from mmengine.structures import BaseDataElement, InstanceData
from torch import Tensor, nn
from torchvision import models

from semrestore.acceleration import allow_channels_last, fold_batch_norms
from semrestore.config.named import torchvision_kind
from semrestore.errors import UserError, explained
from semrestore.registry import MODELS
from semrestore.tasks.base import check_normalisation
from semrestore.tasks.networks.detectors import OURS, build_detector, detect, detection_losses
from semrestore.tasks.networks.torchvision_weights import AS_PUBLISHED, as_named_today
from semrestore.tasks.scoring import Kind, ScoringTask
from semrestore.weights.task_networks import load_network

DEFAULT_CLASSES = dict(classification=1000, segmentation=21, detection=91)
IMAGENET = dict(mean=(123.675, 116.28, 103.53), std=(58.395, 57.12, 57.375), to_rgb=True)


@MODELS.register_module()
class TorchvisionTask(ScoringTask):
    """Run a frozen classifier, segmenter or detector of torchvision, by name.

    :class:`~semrestore.tasks.scoring.ScoringTask` says what labels, predictions and losses are. Resizing and cropping
    are the data set's; a detector resizes its images itself, differentiably, and returns boxes in their own pixels.
    Frozen batch normalisation is folded into the convolution before it, except in a detector.

    Args:
        model: A name that ``torchvision.models.list_models`` knows, or ``'fcos_efficientnet_lite0'``
            (:func:`~semrestore.tasks.networks.detectors.build_detector`).
        checkpoint: Its weights: a file, a URL, a name that stands for a package
            (:mod:`semrestore.weights.carriers`), or ``'random'``.
        data_preprocessor: ``mean`` and ``std`` of the normalisation on 0..255, and ``to_rgb=False`` for a network that
            wants BGR. By default those of the weights that torchvision publishes. Not for detectors, which normalise
            themselves.
        arguments: Of torchvision's builder, such as ``dict(num_classes=7)``. A detector's ``num_classes`` counts the
            background.
        revise_keys: As in :class:`~semrestore.tasks.OpenMMLabTask`.
        fold_batch_norm: Set to ``False`` to tap a convolution in front of its batch normalisation.
        self_label_threshold: Detections of this score and above are the labels of images without any.
        score: As in :class:`~semrestore.tasks.OpenMMLabTask`.

    Raises:
        UserError: torchvision has no such network, it does not take the arguments, or the weights do not fit it.
    """

    first_class = 1
    scale: Tensor
    shift: Tensor

    def __init__(
        self,
        model: str,
        checkpoint: str = '',
        data_preprocessor: dict | None = None,
        arguments: dict | None = None,
        revise_keys: Sequence[tuple[str, str]] = (),
        fold_batch_norm: bool = True,
        self_label_threshold: float = 0.4,
        score: str | None = None,
    ) -> None:
        kind: Kind = 'detection' if model == OURS else torchvision_kind(model)
        arguments = dict(arguments or {})
        with explained(f"network '{model}' of torchvision does not build"):
            network: Any = build(model, kind, arguments)
        if kind == 'classification':
            # Called with the weights and the prefix of their names before they are loaded.
            network.adapt_state = partial(as_named_today, network, sized='image_size' in arguments)
        load_network(network, checkpoint, revise_keys)
        classes = arguments.get('num_classes', DEFAULT_CLASSES[kind]) - (kind == 'detection')
        super().__init__(network, kind, classes, self_label_threshold)
        self.score = score or self.score
        self.folded: dict[str, str] = {}
        self.memory_format = torch.contiguous_format
        if kind != 'detection':
            example = torch.linspace(0, 1, 3 * 224 * 224).view(1, 3, 224, 224)
            self.folded = fold_batch_norms(network, example) if fold_batch_norm else {}
            if allow_channels_last(network, example):
                self.memory_format = torch.channels_last
        given = data_preprocessor or _published(model, kind)
        self.wants_bgr = not given.get('to_rgb', True)
        mean, std = (torch.tensor(given[name]).view(3, 1, 1) for name in ('mean', 'std'))
        check_normalisation(mean, std)
        self.register_buffer('scale', 255 / std, persistent=False)
        self.register_buffer('shift', -mean / std, persistent=False)

    def scores(self, prepared: Tensor) -> Tensor | tuple:
        """See :meth:`FrozenTask.scores <semrestore.tasks.base.FrozenTask.scores>`; a detector's answer is a tuple."""
        if self.kind == 'detection':
            return tuple(self.network(list(prepared)))
        scores = self.network(prepared)
        return scores['out'] if self.kind == 'segmentation' else scores

    def preprocess(self, images: Tensor) -> Tensor:
        """Return images in the network's form: normalised, and in its order of channels."""
        if self.kind == 'detection':
            return images  # it normalises them itself
        if self.wants_bgr:
            images = images.flip(1)
        return (images * self.scale + self.shift).contiguous(memory_format=self.memory_format)

    def detect(self, images: Tensor) -> list[InstanceData]:
        """See :meth:`ScoringTask.detect <semrestore.tasks.scoring.ScoringTask.detect>`; labels count from 1."""
        return detect(self.network, images)

    def detection_losses(self, images: Tensor, data_samples: Sequence[BaseDataElement]) -> dict[str, Tensor]:
        """Return the detector's classification and box losses."""
        return detection_losses(self.network, images, data_samples)

    def layer(self, name: str) -> nn.Module:
        """See :meth:`~semrestore.tasks.base.FrozenTask.layer`; a folded convolution is refused."""
        if name in self.folded:
            raise UserError(
                f"layer '{name}' is a convolution with folded batch normalisation, so its own output does not"
                f" exist. Use '{self.folded[name]}', or set fold_batch_norm=False for the network"
            )
        return super().layer(name)


def build(name: str, kind: Kind, arguments: dict) -> nn.Module:
    """Build a network of torchvision in the form of its published weights, but without weights."""
    if kind == 'detection':
        return build_detector(name, **arguments)
    if kind == 'segmentation':
        # The published files contain a training head, which evaluation does not run.
        arguments = {'weights_backbone': None, 'aux_loss': True, **arguments}
        if name == 'lraspp_mobilenet_v3_large':
            del arguments['aux_loss']
    return models.get_model(name, weights=None, **{**AS_PUBLISHED.get(name, {}), **arguments})


def _published(name: str, kind: Kind) -> dict:
    if kind == 'detection':
        return IMAGENET
    preset = models.get_model_weights(name).DEFAULT.transforms()
    return {key: [255 * value for value in getattr(preset, key)] for key in ('mean', 'std')}

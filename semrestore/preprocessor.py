"""Prepare a batch for the cascade."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, Optional

import torch
from mmengine.model import BaseDataPreprocessor
from mmengine.structures import BaseDataElement
from torch import Tensor

from semrestore.errors import UserError
from semrestore.losses import Supervision
from semrestore.registry import MODELS

if TYPE_CHECKING:
    from semrestore.tasks import FrozenTask

__all__ = ['ImagePreprocessor', 'LabelCheck', 'image_name', 'is_labelled']


@MODELS.register_module()
class ImagePreprocessor(BaseDataPreprocessor):
    """Convert uint8 batches to float32 RGB in 0..1 on the cascade's device.

    Unlike MMEngine's ``ImgDataPreprocessor`` it pads nothing: images of unequal size stay apart, since padding would
    change what a denoiser and PSNR see.

    Args:
        channel_order: What the pipeline loads: ``'rgb'`` (:class:`~semrestore.datasets.LoadPhoto`) or ``'bgr'``
            (MMCV's ``LoadImageFromFile``).
    """

    label_check: Optional['LabelCheck'] = None
    """Looks at the data samples while they are on the CPU, where that costs no wait. A cascade with a task sets it."""

    def __init__(self, channel_order: Literal['rgb', 'bgr'] = 'rgb') -> None:
        super().__init__()
        if channel_order not in ('rgb', 'bgr'):
            raise ValueError(f"channel_order is {channel_order!r}; expected 'rgb' or 'bgr'")
        self.channel_order = channel_order

    def forward(self, data: dict, training: bool = False) -> dict:
        """Convert ``data['inputs']``, a uint8 tensor ``(N, 3, H, W)`` or a list of ``(3, H, W)``.

        Pairs of a clean and a noisy image have six channels, the clean ones first.

        Raises:
            UserError: Inputs are missing or not uint8, training images differ in size, or a label is not a class of
                the task.
        """
        if not isinstance(data, dict) or 'inputs' not in data:
            raise UserError(
                "the data have no 'inputs'; expected the last transform of their pipeline to pack them. Use"
                ' mmpretrain.PackInputs'
            )
        inputs = data['inputs']
        if not isinstance(inputs, Tensor):
            if len({image.shape for image in inputs}) == 1:
                inputs = torch.stack(list(inputs))
            elif training:
                self._refuse_sizes(inputs, data['data_samples'])
        if self.label_check is not None:
            self.label_check(data.get('data_samples') or (), training)
        data = self.cast_data({**data, 'inputs': inputs})
        inputs = data['inputs']
        data['inputs'] = (
            self._convert(inputs) if isinstance(inputs, Tensor) else [self._convert(image) for image in inputs]
        )
        return data

    @staticmethod
    def _refuse_sizes(images: Sequence[Tensor], data_samples: Sequence) -> None:
        by_area = sorted(zip(images, data_samples, strict=True), key=lambda pair: pair[0][0].numel())
        sizes = [
            f"'{image_name(sample)}' is {image.shape[1]} x {image.shape[2]}"
            for image, sample in (by_area[0], by_area[-1])
        ]
        raise UserError(
            f'the images of a training batch differ in size: {", ".join(sizes)} (height x width); expected one'
            " size. If an image is smaller than the crop, use semrestore's RandomCrop with pad_if_needed=True, or"
            ' a smaller crop_size'
        )

    def _convert(self, images: Tensor) -> Tensor:
        if images.dtype != torch.uint8:
            raise UserError(
                f'the images of a batch are {images.dtype}; expected torch.uint8 on 0..255. Leave out transforms that'
                ' normalise images or turn them into floats'
            )
        if self.channel_order == 'bgr':
            images = images.unflatten(-3, (-1, 3)).flip(-3).flatten(-4, -3)  # of a pair both
        return images / 255


class LabelCheck:
    """Raise an error for data samples with labels that the task network cannot use.

    Args:
        tasks: The frozen networks that take labels from the data.
        supervision: Of the cascade. Unless it is ``'labels'``, labels are not looked at in training.
        required: Training needs a label in each data sample.
    """

    def __init__(self, tasks: Sequence['FrozenTask'], supervision: Supervision, required: bool) -> None:
        self.tasks = tasks
        self.supervision = supervision
        self.required = required

    def __call__(self, data_samples: Sequence, training: bool) -> None:
        """Check data samples.

        Raises:
            UserError: A label is missing, or is not a class of the network.
        """
        if training and self.supervision != 'labels':
            return
        labelled = [sample for sample in data_samples if is_labelled(sample)]
        for field in [task.label for task in self.tasks] if training and self.required else ():
            missing = next((one for one in data_samples if not (field in one if field else is_labelled(one))), None)
            if missing is not None:
                raise UserError(
                    f"image '{image_name(missing)}' has no label{f' {field}' if field else ''} for the task loss. Load"
                    " one in the pipeline, or set model.supervision='self'"
                )
        for task in self.tasks:
            task.check_labels(labelled)


def image_name(sample: BaseDataElement) -> str:
    """Return the name that seeds an image's noise: its name in the data set, or its file name without suffix."""
    name = sample.metainfo.get('name')
    if name is None:
        path = sample.metainfo.get('img_path')
        if path is None:
            raise UserError(
                "a data sample has neither 'name' nor 'img_path'. Add 'img_path' to the meta_keys of the packing"
                ' transform'
            )
        name = str(path).replace('\\', '/').rsplit('/', 1)[-1].rsplit('.', 1)[0]
    return name


def is_labelled(sample: BaseDataElement) -> bool:
    """Return whether a data sample has a label."""
    return any(name.startswith('gt_') for name in sample.keys())  # noqa: SIM118 (a data element is no dict)

"""Share what the losses of one training step use, and compute each part once, when it is first needed."""

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor

from semrestore.contracts import check_samples, check_task_losses

if TYPE_CHECKING:
    from semrestore.tasks.base import FrozenTask

Supervision = Literal['labels', 'self', 'soft']


class Step:
    """Hold one step's images and, lazily, a frozen network's results on them, for the losses that use it.

    Args:
        clean, noisy, restored: RGB batches of shape ``(N, 3, H, W)``, 0..1 (noisy and restored may leave that range).
        data_samples: The task library's data samples, one an image.
        task: The frozen network, if the losses use one.
        layers: Every layer that any of them needs; a pass over the network collects them all.
        task_loss: Whether any of them needs the task's loss.
        supervision: ``'labels'`` takes ground truth from the data samples, ``'self'`` the task's own prediction on the
            clean image, ``'soft'`` all its class probabilities there.
        temperature: Of the soft labels.
    """

    def __init__(
        self,
        clean: Tensor,
        noisy: Tensor,
        restored: Tensor,
        data_samples: Sequence,
        task: 'FrozenTask | None' = None,
        layers: Sequence[str] = (),
        task_loss: bool = False,
        supervision: Supervision = 'labels',
        temperature: float = 1.0,
    ) -> None:
        self.clean = clean
        self.noisy = noisy
        self.restored = restored
        self.data_samples = data_samples
        self._task = task
        self._layers = tuple(layers)
        self._task_loss = task_loss
        self._supervision = supervision
        self._temperature = temperature

    @property
    def task(self) -> 'FrozenTask':
        """The frozen network."""
        assert self._task is not None
        return self._task

    @property
    def clean_features(self) -> dict[str, Tensor]:
        """Features of the clean batch by layer name, without gradient."""
        return self._clean_pass[0]

    @property
    def restored_features(self) -> dict[str, Tensor]:
        """Features of the restored batch by layer name, with the graph back to the denoiser."""
        return self._restored_pass[0]

    @property
    def task_losses(self) -> dict[str, Tensor]:
        """The task's own loss terms on the restored batch, with the graph back to the denoiser."""
        return self._restored_pass[1]

    @cached_property
    def _clean_pass(self) -> tuple[dict[str, Tensor], Any]:
        """Features of the clean batch, and the task's target for the restored one."""
        with torch.no_grad():
            if not self._task_loss or self._supervision == 'labels':
                return self._features(self.clean), self.data_samples
            targets: Any
            with self.task.tap(self._layers) as features:
                if self._supervision == 'soft':
                    targets = self.task.run(self.clean)
                else:
                    targets = self.task.self_label(self.clean, self.data_samples)
                    check_samples(self.task, 'self_label', targets, len(self.clean))
            return features, targets

    @cached_property
    def _restored_pass(self) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        if not self._task_loss:
            return self._features(self.restored), {}
        targets: Any = self.data_samples if self._supervision == 'labels' else self._clean_pass[1]
        with self.task.tap(self._layers) as features:
            if self._supervision == 'soft':
                losses = self.task.soft_loss(self.restored, targets, self._temperature)
            else:
                losses = self.task.loss(self.restored, targets)
            check_task_losses(self.task, losses)
        return features, losses

    def _features(self, images: Tensor) -> dict[str, Tensor]:
        return self.task.features(images, self._layers) if self._layers else {}

"""Apply the frozen network's own training loss to the restored image: L_H (paper, section III-B)."""

from torch import Tensor

from semrestore.losses.base import Loss
from semrestore.losses.step import Step
from semrestore.registry import MODELS


@MODELS.register_module()
class TaskLoss(Loss):
    """Add up the task network's loss terms (cross entropy for classification and segmentation).

    Args:
        weight: lambda_H; see :class:`~semrestore.losses.base.Loss`.
        task: See :class:`~semrestore.losses.base.Loss`.
    """

    needs_task_loss = True

    def forward(self, step: Step) -> Tensor:
        """Return the task's loss against the step's labels."""
        terms = [value for name, value in step.task_losses.items() if 'loss' in name]
        return sum(terms[1:], terms[0])

"""State the contract of a loss."""

from abc import abstractmethod

from torch import Tensor, nn

from semrestore.losses.step import Step


class Loss(nn.Module):
    """Base class of a term of the joint loss, a function of one :class:`~semrestore.losses.step.Step`.

    The cascade logs a term as ``loss_NAME`` (its key in the config) and adds it to the joint loss, times ``weight``.

    Args:
        weight: The term's weight: 1 for the paper's L_D, lambda_P and lambda_H for the others (Eq. 3).
        task: Name of the network that the term uses, if the cascade has several.
    """

    layers: tuple[str, ...] = ()
    """Layers of the network whose features this loss needs."""

    needs_task_loss: bool = False
    """Whether this loss needs the network's own loss."""

    task: str | None = None

    def __init__(self, weight: float = 1.0, task: str | None = None) -> None:
        super().__init__()
        if weight < 0:
            raise ValueError(f'weight is {weight}; expected at least 0')
        self.weight = weight
        self.task = task

    @abstractmethod
    def forward(self, step: Step) -> Tensor:
        """Return the unweighted term, a scalar."""

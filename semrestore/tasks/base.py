"""State the contract of a frozen task network."""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import torch.nn.functional as F
from mmengine.structures import BaseDataElement, PixelData
from torch import Tensor, nn

from semrestore.errors import UserError, near


class FrozenTask(nn.Module):
    """Base class of a trained network that judges restored images and never changes.

    Images are RGB batches of shape ``(N, 3, H, W)``, 0..1; whatever else the network wants is made from them inside,
    differentiably. Data samples are the task library's own, one an image.

    It stays frozen by construction: no parameter requires a gradient, ``train()`` leaves it in eval mode (a parent
    calls it at every epoch), copies share it (EMA copies its model), and the cascade keeps it out of its module tree.

    Args:
        network: The network, with its weights.
    """

    num_classes: int | None = None
    """How many classes the network knows, where it says so."""

    score: str = ''
    """Name of the registered :class:`~semrestore.evaluation.Score` that judges what :meth:`predict` returns."""

    label: str = ''
    """Field of a data sample that its loss needs, such as ``gt_label``."""

    answers: bool = True
    """``False`` if the network has no head, so that it gives features but no predictions."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network.requires_grad_(False)
        self.eval()

    def train(self, mode: bool = True) -> 'FrozenTask':
        """Stay in eval mode, whatever ``mode`` says."""
        return super().train(False)

    def __deepcopy__(self, memo: dict) -> 'FrozenTask':
        return self

    @abstractmethod
    def loss(self, images: Tensor, data_samples: Sequence) -> dict[str, Tensor]:
        """Return the loss terms on ``images`` for the labels in ``data_samples``, by names that contain ``loss``."""

    @abstractmethod
    def predict(self, images: Tensor, data_samples: Sequence) -> list:
        """Return the data samples with predictions, in the form that the library's metrics take."""

    @abstractmethod
    def self_label(self, images: Tensor, data_samples: Sequence) -> list:
        """Return new data samples labelled by the network's own predictions on ``images``."""

    def preprocess(self, images: Tensor) -> Tensor:
        """Return images as the network takes them, ``(N, 3, …)``, differentiably; by default as they are."""
        return images

    @abstractmethod
    def scores(self, prepared: Tensor) -> Tensor | tuple:
        """Run the bare network.

        Args:
            prepared: What :meth:`preprocess` returned.

        Returns:
            Class scores before the softmax, of shape ``(N, C, …)``; a tuple if the network answers by several tensors.
        """

    def run(self, images: Tensor) -> Tensor | tuple:
        """Return the :meth:`scores` of images in 0..1, ``(N, 3, H, W)``."""
        return self.scores(self.preprocess(images))

    def soft_loss(self, images: Tensor, scores: Tensor | tuple, temperature: float = 1.0) -> dict[str, Tensor]:
        """Return the cross entropy with soft targets, the softmax of ``scores`` (Hinton et al., 2015, section 2).

        Args:
            images: Restored images.
            scores: What :meth:`run` returned for the clean images.
            temperature: Divides both scores; the loss is multiplied by its square, which keeps the size of
                the gradient.

        Raises:
            UserError: The network does not score two or more classes, between which a softmax decides.
        """
        if not isinstance(scores, Tensor) or scores.shape[1] < 2:
            found = (
                f'scores of shape {tuple(scores.shape)}' if isinstance(scores, Tensor) else f'a {type(scores).__name__}'
            )
            raise UserError(
                "model.supervision is 'soft', which needs the scores of two classes or more, but the task"
                f" network returns {found}. Use 'self' instead"
            )
        restored = self.run(images)
        assert isinstance(restored, Tensor)  # like its scores of the clean images
        soft = F.cross_entropy(restored / temperature, (scores / temperature).softmax(1))
        return {'loss_soft': temperature**2 * soft}

    def check_labels(self, data_samples: Sequence) -> None:
        """Raise a :class:`UserError` if a label is not a class of the network. The samples are still on the CPU.

        By default nothing is checked.
        """

    def features(self, images: Tensor, layers: Sequence[str]) -> dict[str, Tensor]:
        """Return the outputs of ``layers`` by name. The network runs no further than the last of them."""
        with suppress(_CompleteError), self.tap(layers, stop=True) as features:
            self.run(images)
        return features

    @contextmanager
    def tap(self, layers: Sequence[str], stop: bool = False) -> Iterator[dict[str, Tensor]]:
        """Collect the outputs of ``layers`` from a pass over the network inside the ``with`` block.

        A module that a network runs more than once gives its first output.

        Args:
            layers: Names of the layers.
            stop: Break off the pass, by an exception that :meth:`features` handles, once all layers have run.
        """
        features: dict[str, Tensor] = {}

        def collect(name: str, output: Tensor) -> None:
            if not isinstance(output, Tensor):
                raise UserError(
                    f"layer '{name}' returns a {type(output).__name__}; expected a tensor, for a perceptual loss."
                    ' Choose another layer'
                )
            if name not in features:
                # A copy, because later operations (activations, residual sums) may change the output in place.
                features[name] = output.clone()
                if stop and len(features) == len(set(layers)):
                    raise _CompleteError

        handles = [
            self.layer(name).register_forward_hook(lambda _, __, output, name=name: collect(name, output))
            for name in dict.fromkeys(layers)
        ]
        try:
            yield features
            if missing := [name for name in layers if name not in features]:
                raise UserError(
                    f"layer '{missing[0]}' does not run when {type(self.network).__name__} sees an image. Choose"
                    ' another layer'
                )
        finally:
            for handle in handles:
                handle.remove()

    def layer(self, name: str) -> nn.Module:
        """Return the layer called ``name`` in the network.

        Raises:
            UserError: The network has no such layer; the message has the nearest names.
        """
        try:
            return self.network.get_submodule(name)
        except AttributeError:
            hint = near(name, (known for known, _ in self.network.named_modules()))
            message = (
                f"{type(self.network).__name__} has no layer '{name}'; layers are named as in named_modules().{hint}"
            )
            raise UserError(message) from None


def check_classes(
    data_samples: Sequence[BaseDataElement],
    num_classes: int | None,
    void: int,
    names: Sequence[str] = ('gt_label', 'gt_sem_seg'),
) -> None:
    """Raise a :class:`UserError` if a label of these names holds a value that is not a class of the network."""
    for sample in data_samples:
        for name in names:
            label = sample.get(name)
            if label is None or num_classes is None:
                continue
            if isinstance(label, PixelData):
                label = label.data[label.data != void]
            wrong = label[(label < 0) | (label >= num_classes)]
            if wrong.numel():
                raise UserError(
                    f"{name} of '{sample.metainfo.get('img_path')}' holds {wrong[0].item()}; expected the classes"
                    f' 0 to {num_classes - 1} of the task network. Use data and a network with the same classes'
                )


def check_class_folders(dataset: Any, num_classes: int | None) -> None:
    """Raise a :class:`UserError` if a data set numbers its classes by folders, and the network has other classes."""
    while hasattr(dataset, 'dataset'):
        dataset = dataset.dataset
    folders = getattr(dataset, 'folder_to_idx', None)
    if folders and num_classes and len(folders) != num_classes:
        where, given = getattr(dataset, 'img_prefix', None), "labels in a list (the data set's ann_file)"
        if where is None:
            where, given = dataset.folder, "all classes in the network's order (the data set's classes)"
        raise UserError(
            f"'{where}' has {len(folders)} class folders, which become the labels 0 to {len(folders) - 1}, but the task"
            f' network has {num_classes} classes; expected a folder for each. Add empty folders for the others, or give'
            f' the {given}'
        )


def check_normalisation(mean: Tensor, std: Tensor) -> None:
    """Raise a :class:`UserError` if a normalisation of images on 0..255 is written for images on 0..1."""
    if std.min() < 1 or 0 < mean.max() <= 1:
        raise UserError(
            f'the data_preprocessor of the task network has mean={mean.flatten().tolist()} and'
            f' std={std.flatten().tolist()}; expected both on 0..255. If these are on 0..1, multiply them by 255'
        )


class _CompleteError(Exception):
    """All features are computed, so the rest of the network need not run."""

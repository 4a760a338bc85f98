"""The cascade: a denoiser in front of a frozen task network, trained by a joint loss (paper, Fig. 2)."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal, Optional, cast, get_args

import torch
from mmengine.model import BaseDataPreprocessor, BaseModel
from mmengine.structures import BaseDataElement
from torch import Tensor

from semrestore.contracts import check_degraded, check_restored, check_samples, check_term
from semrestore.degradations import Degradation, image_generator
from semrestore.denoisers import Denoiser
from semrestore.errors import UserError
from semrestore.losses import Step, Supervision
from semrestore.registry import MODELS
from semrestore.weights.fit import adapted, check_fit
from semrestore.weights.read import check_plain
from semrestore.weights.record import denoiser_record

if TYPE_CHECKING:
    from semrestore.tasks import FrozenTask

__all__ = ['Cascade', 'ImagePreprocessor', 'LabelCheck', 'image_name']


@MODELS.register_module()
class ImagePreprocessor(BaseDataPreprocessor):
    """Bring uint8 batches to the cascade's device and to its image contract: float32 RGB, 0..1.

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
            UserError: There are no inputs, images differ in size in training, or a label is none of the task's.
        """
        if not isinstance(data, dict) or 'inputs' not in data:
            raise UserError(
                "the data have no 'inputs'; the last transform of their pipeline packs them: mmpretrain.PackInputs"
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
            f'images of one training batch differ in size: {", ".join(sizes)} (height x width). An image smaller than'
            " the crop? Use semrestore's RandomCrop with pad_if_needed=True, or a smaller crop_size"
        )

    def _convert(self, images: Tensor) -> Tensor:
        if self.channel_order == 'bgr':
            images = images.unflatten(-3, (-1, 3)).flip(-3).flatten(-4, -3)  # of a pair both
        return images / 255


class LabelCheck:
    """Refuse data samples whose labels the task network cannot be trained or judged by.

    Args:
        task: The frozen network.
        supervision: Of the cascade. Unless it is ``'labels'``, labels are not looked at in training.
        required: Training needs a label in each data sample.
    """

    def __init__(self, task: 'FrozenTask', supervision: Supervision, required: bool) -> None:
        self.task = task
        self.supervision = supervision
        self.required = required

    def __call__(self, data_samples: Sequence, training: bool) -> None:
        """Check data samples.

        Raises:
            UserError: A label is missing, or is none of the network's classes.
        """
        if training and self.supervision != 'labels':
            return
        labelled = [sample for sample in data_samples if _is_labelled(sample)]
        if training and self.required and len(labelled) < len(data_samples):
            name = next(image_name(sample) for sample in data_samples if not _is_labelled(sample))
            raise UserError(
                f"image '{name}' has no label for the task loss: load one in the pipeline, or set"
                " model.supervision='self'"
            )
        self.task.check_labels(labelled)


@MODELS.register_module()
class Cascade(BaseModel):
    """Degradation, denoiser and frozen task network, with the joint loss of Eq. 3.

    The frozen networks are kept out of the module tree: they have no entry in the state dict, no row in an optimizer,
    no copy in an EMA and no share in what DistributedDataParallel sends. So a checkpoint is the denoiser's alone and
    fits a cascade with any other task.

    Args:
        denoiser: Config of a :class:`~semrestore.denoisers.base.Denoiser`.
        degradation: Config of a :class:`~semrestore.degradations.base.Degradation`.
        losses: Configs of the terms of the joint loss by name; a term is logged as ``loss_NAME``, times its weight.
        task: Config of a :class:`~semrestore.tasks.base.FrozenTask`; ``None`` to train or evaluate the denoiser alone.
        feature_network: Config of a frozen network to take perceptual features from, if not from the task's.
        supervision: ``'labels'`` uses the ground truth in the data samples, ``'self'`` the task network's own
            prediction on the clean image, ``'soft'`` trains against all class probabilities of that prediction.
            Evaluation takes the ground truth where the data have it, and otherwise, unless this is ``'labels'``, the
            network's own prediction: its accuracy is then the agreement with itself on the clean image.
        evaluation_seed: With an image's name it seeds the noise of that image in evaluation.
        channels_last: Run the denoiser in channels-last memory, which is faster on most devices
            (``docs/performance.md``).
        compile: Compile the denoiser for training by :func:`torch.compile`: ``True``, or its keywords, such as
            ``dict(mode='max-autotune')``. Evaluation, where sizes change, runs as it is.
        data_preprocessor: Config of :class:`ImagePreprocessor`.
    """

    denoiser: Denoiser
    degradation: Degradation
    task: 'FrozenTask | None'
    feature_network: 'FrozenTask | None'
    evaluation_seed: int

    def __init__(
        self,
        denoiser: dict,
        degradation: dict,
        losses: dict[str, dict] | None = None,
        task: dict | None = None,
        feature_network: dict | None = None,
        supervision: Supervision = 'labels',
        evaluation_seed: int = 0,
        channels_last: bool = True,
        compile: bool | dict = False,
        data_preprocessor: dict | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        if supervision not in get_args(Supervision):
            raise ValueError(f'supervision is {supervision!r}; expected one of {", ".join(get_args(Supervision))}')
        super().__init__(MODELS.build(dict(data_preprocessor or dict(type='ImagePreprocessor'))), init_cfg)
        self.denoiser = MODELS.build(denoiser)
        self.denoiser_record = denoiser_record(denoiser)
        self.degradation = MODELS.build(degradation)
        terms = {name: MODELS.build(loss) for name, loss in (losses or {}).items()}
        self.losses = torch.nn.ModuleDict(terms)
        self._needs_task_loss = any(loss.needs_task_loss for loss in terms.values())
        self.supervision = supervision
        self.evaluation_seed = evaluation_seed
        self._memory_format = torch.channels_last if channels_last else torch.contiguous_format
        self._compile_options = dict(compile) if isinstance(compile, dict) else {} if compile else None
        self._compiled: dict[str, Callable] = {}
        # Past nn.Module's own __setattr__, which would register them as children.
        object.__setattr__(self, 'task', MODELS.build(task) if task else None)
        object.__setattr__(self, 'feature_network', MODELS.build(feature_network) if feature_network else None)
        self.layers: tuple[str, ...] = tuple(dict.fromkeys(layer for loss in terms.values() for layer in loss.layers))
        self._check_losses()
        if self.task is not None and isinstance(self.data_preprocessor, ImagePreprocessor):
            self.data_preprocessor.label_check = LabelCheck(self.task, supervision, self._needs_task_loss)
        self.denoiser.to(memory_format=self._memory_format)

    def forward(
        self, inputs: Tensor | list[Tensor], data_samples: Sequence | None = None, mode: str = 'tensor'
    ) -> Tensor | dict[str, Tensor] | list:
        """Run the cascade.

        Args:
            inputs: RGB images, 0..1: a batch ``(N, 3, H, W)``, or for ``'predict'`` also a list of images of different
                sizes. They are clean in the modes ``'loss'`` and ``'predict'``, or six channels of a clean and a noisy
                image; noisy in ``'tensor'``.
            data_samples: The task library's data samples, one an image.
            mode: ``'loss'`` returns the weighted terms of the joint loss by name, ``'predict'`` data samples with
                predictions and the images as ``clean``, ``noisy`` and ``restored`` (each ``(3, H, W)``), ``'tensor'``
                the restored batch.
        """
        if mode == 'predict':
            return self.predict(inputs, data_samples or ())
        assert isinstance(inputs, Tensor)
        if mode == 'loss':
            return self.loss(inputs, data_samples or ())
        if mode == 'tensor':
            return self.denoiser(inputs.contiguous(memory_format=self._memory_format))
        raise ValueError(f"mode is {mode!r}; expected 'loss', 'predict' or 'tensor'")

    def loss(self, clean: Tensor, data_samples: Sequence) -> dict[str, Tensor]:
        """Return the weighted terms of the joint loss on a clean batch; see :meth:`forward`."""
        clean, noisy, restored = self.restore(clean, _training_generators(clean, data_samples))
        return {
            f'loss_{name}': cast(float, self.losses[name].weight) * term
            for name, term in self.terms(clean, noisy, restored, data_samples).items()
        }

    def terms(self, clean: Tensor, noisy: Tensor, restored: Tensor, data_samples: Sequence) -> dict[str, Tensor]:
        """Return the terms of the joint loss by name, without their weights, from images that are there already."""
        step = Step(
            clean,
            noisy,
            restored,
            data_samples,
            task=self.task,
            feature_network=self.feature_network,
            layers=self.layers,
            task_loss=self._needs_task_loss,
            supervision=self.supervision,
        )
        terms = {}
        for name, loss in self.losses.items():
            terms[name] = loss(step)
            check_term(loss, terms[name])
        return terms

    @torch.no_grad()
    def predict(self, clean: Tensor | list[Tensor], data_samples: Sequence) -> list:
        """Degrade, restore and judge clean images; see :meth:`forward`. Images of one size go through together."""
        predictions: list = [None] * len(data_samples)
        by_size = defaultdict(list)
        for index, image in enumerate(clean):
            by_size[image.shape].append(index)
        for indices in by_size.values():
            batch = torch.stack([clean[index] for index in indices])
            results = self._predict_batch(batch, [data_samples[index] for index in indices])
            for index, result in zip(indices, results, strict=True):
                predictions[index] = result
        return predictions

    def _predict_batch(self, clean: Tensor, data_samples: list) -> list:
        generators = [image_generator(self.evaluation_seed, image_name(sample)) for sample in data_samples]
        clean, noisy, restored = self.restore(clean, generators)
        if not restored.isfinite().all():
            names = ', '.join(f"'{image_name(sample)}'" for sample in data_samples)
            raise UserError(f'the denoiser returns values that are no numbers for {names}')
        if self.task is not None:
            if self.supervision != 'labels':
                data_samples = self._complete_labels(clean, data_samples)
            data_samples = self.task.predict(restored, data_samples)
            check_samples(self.task, 'predict', data_samples, len(clean))
        for sample, *images in zip(data_samples, clean, noisy, restored, strict=True):
            sample.clean, sample.noisy, sample.restored = images
        return data_samples

    def restore(
        self, images: Tensor, generators: Sequence[torch.Generator] | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return the clean, the degraded and the restored batch, of clean images or of pairs."""
        clean, *given = (part.contiguous(memory_format=self._memory_format) for part in images.split(3, dim=1))
        if given:
            if not self.degradation.takes_pairs:
                raise UserError(
                    'the data bring noisy images of their own: model.degradation has to be FromPairs, and is'
                    f' {type(self.degradation).__name__}'
                )
            noisy, sigma = given[0], None
        else:
            with torch.autocast(clean.device.type, enabled=False):  # noise in bfloat16 would be another noise
                degraded = self.degradation(clean, generators)
            check_degraded(self.degradation, degraded, clean)
            noisy, sigma = degraded
        restored = self._running_denoiser()(noisy, sigma)
        check_restored(self.denoiser, restored, noisy)
        return clean, noisy, restored

    def _running_denoiser(self) -> Callable:
        if not self.training or self._compile_options is None:
            return self.denoiser
        if not self._compiled:  # only now: a copy for a moving average is made before the first step, and never trained
            # Patches have one size.
            self._compiled['denoiser'] = torch.compile(self.denoiser, **{'dynamic': False, **self._compile_options})
        return self._compiled['denoiser']

    def _complete_labels(self, clean: Tensor, data_samples: list) -> list:
        """Give the task network's own label to each sample that has none."""
        indices = [index for index, sample in enumerate(data_samples) if not _is_labelled(sample)]
        completed = list(data_samples)
        if indices and self.task is not None:
            labelled = self.task.self_label(clean[indices], [data_samples[index] for index in indices])
            check_samples(self.task, 'self_label', labelled, len(indices))
            for index, sample in zip(indices, labelled, strict=True):
                completed[index] = sample
        return completed

    def _load_from_state_dict(self, state_dict: dict, prefix: str, *arguments: Any) -> None:
        # PyTorch and MMEngine both load by this method. MMEngine only warns about weights of another network.
        own = {key.removeprefix(prefix): value for key, value in state_dict.items() if key.startswith(prefix)}
        check_plain(own, 'the checkpoint')
        own = adapted(self, own)
        check_fit(self, own, 'the checkpoint')
        state_dict.update({prefix + key: value for key, value in own.items()})
        super()._load_from_state_dict(state_dict, prefix, *arguments)

    @property
    def _frozen(self) -> list:
        return [network for network in (self.task, self.feature_network) if network is not None]

    def _apply(self, fn: Callable, recurse: bool = True) -> 'Cascade':
        # Moves to a device or dtype take the frozen networks along, which nn.Module does not see.
        for network in self._frozen:
            network._apply(fn, recurse)
        return super()._apply(fn, recurse)

    def _check_losses(self) -> None:
        if self._needs_task_loss and self.task is None:
            raise UserError('model.losses has a task loss, but the config has no task: set model.task or drop the loss')
        source = self.feature_network or self.task
        for layer in self.layers:
            if source is None:
                raise UserError(
                    'model.losses has a perceptual loss, but the config has neither model.task nor'
                    ' model.feature_network'
                )
            source.layer(layer)


def image_name(sample: BaseDataElement) -> str:
    """Return the name that seeds an image's noise: its data set's name for it, or its file's without suffix."""
    name = sample.metainfo.get('name')
    if name is None:
        path = sample.metainfo.get('img_path')
        if path is None:
            raise UserError(
                "a data sample has neither 'name' nor 'img_path'; add 'img_path' to the meta_keys of the packing"
                ' transform'
            )
        name = str(path).replace('\\', '/').rsplit('/', 1)[-1].rsplit('.', 1)[0]
    return name


def _training_generators(images: Tensor, data_samples: Sequence) -> list[torch.Generator] | None:
    """Return a generator for each image's noise by its place in the stream, or ``None`` where that is not known."""
    seeds = [getattr(sample, 'metainfo', {}).get('stream_seed') for sample in data_samples]
    known = [seed for seed in seeds if seed is not None]
    if not known or len(known) < len(seeds):
        return None
    # The transforms have drawn from the seed itself.
    return [torch.Generator(images.device).manual_seed(seed ^ 1) for seed in known]


def _is_labelled(sample: BaseDataElement) -> bool:
    return any(name.startswith('gt_') for name in sample.keys())  # noqa: SIM118 (a data element is no dict)

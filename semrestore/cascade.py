"""Train a denoiser in front of frozen task networks, by a joint loss (paper, Fig. 2)."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, cast, get_args

import torch
from mmengine.model import BaseModel
from torch import Tensor

from semrestore.acceleration.memory_format import lay_out
from semrestore.contracts import check_degraded, check_restored, check_samples, check_term
from semrestore.degradations import Degradation, image_generator
from semrestore.degradations.base import to_eight_bits
from semrestore.denoisers import Denoiser
from semrestore.errors import UserError, near
from semrestore.losses import Loss, Step, Supervision
from semrestore.preprocessor import ImagePreprocessor, LabelCheck, image_name
from semrestore.registry import MODELS
from semrestore.weights.load import check_fit, fitted
from semrestore.weights.read import check_plain
from semrestore.weights.record import denoiser_record

if TYPE_CHECKING:
    from semrestore.tasks import FrozenTask

__all__ = ['Cascade']


@MODELS.register_module()
class Cascade(BaseModel):
    """Join a degradation, a denoiser and frozen task networks, with the joint loss of Eq. 3.

    The frozen networks are kept out of the module tree: they have no entry in the state dict, no row in an optimizer,
    no copy in an EMA and no share in what DistributedDataParallel sends. So a checkpoint is the denoiser's alone and
    fits a cascade with any other task.

    Args:
        denoiser: Config of a :class:`~semrestore.denoisers.base.Denoiser`.
        degradation: Config of a :class:`~semrestore.degradations.base.Degradation`.
        losses: Configs of the terms of the joint loss by name; a term is logged as ``loss_NAME``, times its weight.
        task: Config of a :class:`~semrestore.tasks.base.FrozenTask`; ``None`` to train or evaluate the denoiser alone.
        tasks: Configs of several, by name, instead of ``task``. A loss names the one that it uses. Each network
            runs once a step on the restored and once on the clean image. An evaluation asks those that a task loss
            listens to; a data sample then holds each one's prediction under its name.
        supervision: ``'labels'`` uses the ground truth in the data samples, ``'self'`` each task network's own
            prediction on the clean image, ``'soft'`` trains against all class probabilities of that prediction.
            Evaluation takes the ground truth where the data have it, and otherwise, unless this is ``'labels'``, the
            network's own prediction: its accuracy is then the agreement with itself on the clean image.
        temperature: Divides the class scores before the softmax of ``'soft'``.
        evaluation_seed: With an image's name it seeds the noise of that image in evaluation.
        quantise: In evaluation clip the restored image to 0..1 and round it to 8 bits, as a file would, before a task
            network sees it.
        channels_last: Run the denoiser in channels-last memory, which is faster on most devices
            (``docs/performance.md``).
        compile: Compile the denoiser for training by :func:`torch.compile`: ``True``, or its keywords, such as
            ``dict(mode='max-autotune')``. Evaluation, where sizes change, runs as it is.
        data_preprocessor: Config of :class:`~semrestore.preprocessor.ImagePreprocessor`.

    Raises:
        UserError: A loss uses a network or a layer that does not exist.
    """

    denoiser: Denoiser
    degradation: Degradation
    tasks: dict[str, 'FrozenTask']
    evaluation_seed: int
    training_mse: Tensor | None = None
    """Mean squared error, on 0..1, of the last training batch's restored images."""

    def __init__(
        self,
        denoiser: dict,
        degradation: dict,
        losses: dict[str, dict] | None = None,
        task: dict | None = None,
        tasks: dict[str, dict] | None = None,
        supervision: Supervision = 'labels',
        temperature: float = 1.0,
        evaluation_seed: int = 0,
        quantise: bool = False,
        channels_last: bool = True,
        compile: bool | dict = False,
        data_preprocessor: dict | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        if supervision not in get_args(Supervision):
            raise ValueError(f'supervision is {supervision!r}; expected one of {", ".join(get_args(Supervision))}')
        if not temperature > 0:
            raise ValueError(f'temperature is {temperature}; expected a number above 0')
        if task and tasks:
            raise ValueError('task and tasks are both set; expected one network in task, or several in tasks')
        super().__init__(MODELS.build(dict(data_preprocessor or dict(type='ImagePreprocessor'))), init_cfg)
        self.denoiser = MODELS.build(denoiser)
        self.denoiser_record = denoiser_record(denoiser)
        self.degradation = MODELS.build(degradation)
        self.losses = torch.nn.ModuleDict({name: MODELS.build(loss) for name, loss in (losses or {}).items()})
        self.supervision = supervision
        self.temperature = temperature
        self.evaluation_seed = evaluation_seed
        self.quantise = quantise
        self._memory_format = torch.channels_last if channels_last else torch.contiguous_format
        self._compile_options = dict(compile) if isinstance(compile, dict) else {} if compile else None
        self._compiled: dict[str, Callable] = {}
        self._label_names: dict[str, set[str]] = {}
        networks = {
            name: MODELS.build(network) for name, network in (tasks or ({'task': task} if task else {})).items()
        }
        object.__setattr__(self, 'tasks', networks)  # nn.Module would register them as children
        self._listens = {name: self._network_of(name, cast(Loss, loss)) for name, loss in self.losses.items()}
        self._asked = {name: self._what_is_asked_of(name) for name in (None, *self.tasks)}
        # Some of several networks may only give features.
        every = self.task is not None or not self.losses
        self._judges = [
            name for name, task in networks.items() if task.answers and (every or self._asked[name]['task_loss'])
        ]
        if self._judges and isinstance(self.data_preprocessor, ImagePreprocessor):
            required = any(asked['task_loss'] for asked in self._asked.values())
            judges = [self.tasks[name] for name in self._judges]
            self.data_preprocessor.label_check = LabelCheck(judges, supervision, required)
        lay_out(self.denoiser, self._memory_format)

    @property
    def task(self) -> 'FrozenTask | None':
        """The frozen network, if there is exactly one."""
        return next(iter(self.tasks.values())) if len(self.tasks) == 1 else None

    def _network_of(self, name: str, loss: Loss) -> str | None:
        """Return the name of the network that a loss uses."""
        if loss.task is not None and loss.task not in self.tasks:
            known = ', '.join(self.tasks) or 'none'
            hint = near(loss.task, self.tasks)
            raise UserError(
                f"model.losses.{name}.task is '{loss.task}', which is not in model.tasks.{hint} There are: {known}"
            )
        if loss.task is not None or len(self.tasks) == 1:
            found = loss.task or next(iter(self.tasks))
            for layer in loss.layers:
                self.tasks[found].layer(layer)
            return found
        if loss.layers or loss.needs_task_loss:
            raise UserError(
                f'model.losses.{name} listens to a task network, but the config has none: set model.task, or drop the'
                ' loss'
                if not self.tasks
                else f'model.losses.{name} has to name the network that it listens to: task={" or ".join(self.tasks)}'
            )
        return None

    def _what_is_asked_of(self, network: str | None) -> dict:
        losses = [cast(Loss, self.losses[name]) for name, listens in self._listens.items() if listens == network]
        return dict(
            layers=tuple(dict.fromkeys(layer for loss in losses for layer in loss.layers)),
            task_loss=any(loss.needs_task_loss for loss in losses),
        )

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
        if not self.degradation.keeps_clean:
            raise UserError(
                f'model.degradation is {type(self.degradation).__name__}, whose images have no clean partner to'
                ' train on; expected a degradation that makes noise, such as GaussianNoise'
            )
        clean, noisy, restored = self.restore(clean, _training_generators(clean, data_samples))
        self.training_mse = (restored.detach().float() - clean).square().mean()
        return {
            f'loss_{name}': cast(float, self.losses[name].weight) * term
            for name, term in self.terms(clean, noisy, restored, data_samples).items()
        }

    def terms(self, clean: Tensor, noisy: Tensor, restored: Tensor, data_samples: Sequence) -> dict[str, Tensor]:
        """Return the terms of the joint loss by name, without their weights, for given images."""
        steps = {
            network: Step(
                clean,
                noisy,
                restored,
                data_samples,
                task=None if network is None else self.tasks[network],
                supervision=self.supervision,
                temperature=self.temperature,
                **asked,
            )
            for network, asked in self._asked.items()
        }
        terms = {}
        for name, loss in self.losses.items():
            terms[name] = loss(steps[self._listens[name]])
            check_term(loss, terms[name])
        return terms

    @torch.no_grad()
    def predict(self, clean: Tensor | list[Tensor], data_samples: Sequence) -> list:
        """Degrade, restore and judge clean images, in batches of one size; see :meth:`forward`."""
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
            raise UserError(
                f'the denoiser returned values that are not finite numbers for {names}; expected finite ones.'
                ' Check its weights, or use other ones'
            )
        if self.quantise:
            restored = to_eight_bits(restored)
        judges = [name for name in self._judges if name in self.tasks]  # some may be left out for a while
        if self.task is not None and judges:
            data_samples = self._predictions(judges[0], clean, restored, data_samples)
        for name in judges if self.task is None else ():
            own = self._predictions(name, clean, restored, [sample.clone() for sample in data_samples])
            for sample, prediction in zip(data_samples, own, strict=True):
                sample.set_field(prediction, name)
        for sample, *images in zip(data_samples, clean, noisy, restored, strict=True):
            sample.clean, sample.noisy, sample.restored = images
            if not self.degradation.keeps_clean:
                del sample.clean
        return data_samples

    def restore(
        self, images: Tensor, generators: Sequence[torch.Generator] | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return the clean, the degraded and the restored batch, from clean images or from pairs."""
        clean, *given = (part.contiguous(memory_format=self._memory_format) for part in images.split(3, dim=1))
        if given:
            if not self.degradation.takes_pairs:
                raise UserError(
                    f'the data contain noisy images, and model.degradation is {type(self.degradation).__name__};'
                    " expected FromPairs. Set model.degradation to dict(type='FromPairs')"
                )
            noisy, sigma = given[0], None
        else:
            with torch.autocast(clean.device.type, enabled=False):  # bfloat16 would change the noise
                degraded = self.degradation(clean, generators)
            check_degraded(self.degradation, degraded, clean)
            noisy, sigma = degraded
        restored = self._running_denoiser()(noisy, sigma)
        check_restored(self.denoiser, restored, noisy)
        return clean, noisy, restored

    def _running_denoiser(self) -> Callable:
        if not self.training or self._compile_options is None:
            return self.denoiser
        if not self._compiled:  # not earlier, because the moving average copies the model before the first step
            # Patches have one size.
            self._compiled['denoiser'] = torch.compile(self.denoiser, **{'dynamic': False, **self._compile_options})
        return self._compiled['denoiser']

    def _predictions(self, name: str, clean: Tensor, restored: Tensor, data_samples: list) -> list:
        """Return the samples with a network's predictions, and with its own labels where they lack them."""
        task = self.tasks[name]
        if self.supervision != 'labels':
            # Each network needs its own kind of label: a segmenter cannot use a classifier's.
            if name not in self._label_names:
                (example,) = task.self_label(clean[:1], [data_samples[0].clone()])
                self._label_names[name] = {key for key in example.keys() if key.startswith('gt_')}  # noqa: SIM118
            data_samples = self._complete_labels(task, clean, data_samples, self._label_names[name])
        predictions = task.predict(restored, data_samples)
        check_samples(task, 'predict', predictions, len(clean))
        return predictions

    @staticmethod
    def _complete_labels(task: 'FrozenTask', clean: Tensor, data_samples: list, names: set[str]) -> list:
        """Add the task network's own label to each sample that lacks one of the names."""
        indices = [index for index, sample in enumerate(data_samples) if not names <= set(sample.keys())]
        completed = list(data_samples)
        if indices:
            labelled = task.self_label(clean[indices], [data_samples[index] for index in indices])
            check_samples(task, 'self_label', labelled, len(indices))
            for index, sample in zip(indices, labelled, strict=True):
                completed[index] = sample
        return completed

    def _load_from_state_dict(self, state_dict: dict, prefix: str, *arguments: Any) -> None:
        # PyTorch and MMEngine both load by this method. MMEngine only warns about weights of another network.
        own = {key.removeprefix(prefix): value for key, value in state_dict.items() if key.startswith(prefix)}
        check_plain(own, 'the checkpoint')
        own = fitted(self, own)
        check_fit(self, own, 'the checkpoint')
        state_dict.update({prefix + key: value for key, value in own.items()})
        super()._load_from_state_dict(state_dict, prefix, *arguments)

    def _apply(self, fn: Callable, recurse: bool = True) -> 'Cascade':
        # nn.Module does not see the frozen networks, so they have to be moved here.
        for network in self.tasks.values():
            network._apply(fn, recurse)
        return super()._apply(fn, recurse)


def _training_generators(images: Tensor, data_samples: Sequence) -> list[torch.Generator] | None:
    """Return a generator for each image's noise by its place in the stream, or ``None`` if a place is unknown."""
    seeds = [getattr(sample, 'metainfo', {}).get('stream_seed') for sample in data_samples]
    known = [seed for seed in seeds if seed is not None]
    if not known or len(known) < len(seeds):
        return None
    # The transforms have used the seed itself.
    return [torch.Generator(images.device).manual_seed(seed ^ 1) for seed in known]

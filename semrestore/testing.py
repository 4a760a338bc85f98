"""Test the contracts of your own parts. Each test raises an ``AssertionError`` that names the broken promise.

They are what semrestore holds its own parts to::

    def test_contract():
        check_denoiser(MyDenoiser())
"""

import copy
import json
import pickle
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from semrestore.contracts import (
    ContractError,
    check_degraded,
    check_restored,
    check_samples,
    check_task_losses,
    check_term,
)
from semrestore.degradations import Degradation, image_generator
from semrestore.denoisers import Denoiser
from semrestore.losses import Loss, Step
from semrestore.registry import METRICS
from semrestore.tasks import FrozenTask

SIZES = ((1, 1), (1, 9), (7, 13), (32, 40))
"""Heights and widths that a denoiser is run at."""

__all__ = ['check_dataset', 'check_degradation', 'check_denoiser', 'check_loss', 'check_task']


def check_denoiser(
    denoiser: Denoiser, sigma: float | None = 0.1, sizes: Sequence[tuple[int, int]] = SIZES, tolerance: float = 1e-4
) -> None:
    """Check a denoiser: sizes, batch independence, an unchanged input, dtypes, devices, sigma, gradients.

    Args:
        denoiser: In any mode; it is run on a copy in eval mode.
        sigma: Noise level to run it at, in the images' 0..1 range; ``None`` for one that takes no known level.
        sizes: Heights and widths.
        tolerance: How far float32 results may differ that should be equal.
    """
    assert isinstance(denoiser, Denoiser), f'{type(denoiser).__name__} is not a semrestore.denoisers.Denoiser'
    denoiser = copy.deepcopy(denoiser).eval()
    learned = any(True for _ in denoiser.parameters())
    for device in _devices():
        own = copy.deepcopy(denoiser).to(device)
        for height, width in sizes:
            noisy = _images(2, height, width).to(device)
            before = noisy.clone()
            with torch.no_grad():
                restored = _restored(own, noisy, sigma)
                alone = _restored(own, noisy[1:], sigma)
                again = _restored(own, noisy, sigma)
            where = f'for {height} x {width} images on {device}'
            assert torch.equal(noisy, before), f'the noisy batch is changed in place {where}'
            assert restored.device.type == noisy.device.type, f'the result is on {restored.device} {where}'
            assert restored.isfinite().all(), f'the result holds values that are not finite numbers {where}'
            assert _near(restored[1:], alone, tolerance), (
                f'what becomes of an image depends on the rest of its batch {where}'
            )
            assert _near(restored, again, tolerance), f'two runs in eval mode differ {where}'
    height, width = sizes[-1]
    noisy = _images(2, height, width)
    if sigma is not None:
        with torch.no_grad():
            one, each = (_restored(denoiser, noisy, value) for value in (sigma, torch.full((2,), sigma)))
        assert _near(one, each, tolerance), 'sigma as a number and as a tensor of shape (N,) give different results'
    needs_sigma = False
    try:
        denoiser(noisy)
    except ValueError:
        needs_sigma = True
    assert denoiser.needs_sigma == needs_sigma, (
        f'needs_sigma is {denoiser.needs_sigma}, but without sigma it'
        f' {"raises ValueError" if needs_sigma else "restores"}'
    )
    for dtype in (torch.float32, torch.float64):
        with torch.no_grad():
            restored = _restored(copy.deepcopy(denoiser).to(dtype), noisy.to(dtype), sigma)
        assert restored.dtype == dtype, f'a {dtype} batch is restored as {restored.dtype}'
    if learned:
        images = noisy.clone().requires_grad_()
        _restored(denoiser.train(), images, sigma).square().mean().backward()
        without = [name for name, weight in denoiser.named_parameters() if weight.requires_grad and weight.grad is None]
        assert not without, f'no gradient reaches {", ".join(without)}'
        assert images.grad is not None, 'no gradient reaches the noisy batch'


def check_degradation(degradation: Degradation, random: bool = True, size: tuple[int, int] = (24, 31)) -> None:
    """Check a degradation: shapes, an unchanged input, and noise that depends only on the image's generator.

    Args:
        degradation: On the CPU.
        random: Whether it draws anything; two images then have to differ.
        size: Height and width of the images that it is run on.
    """
    assert isinstance(degradation, Degradation), (
        f'{type(degradation).__name__} is not a semrestore.degradations.Degradation'
    )
    clean = _images(1, *size).repeat(3, 1, 1, 1)
    before = clean.clone()

    def run(images: Tensor, *names: str) -> Tensor:
        degraded = degradation(images, [image_generator(0, name) for name in names])
        _held(check_degraded, degradation, degraded, images)
        return degraded[0]

    images = run(clean, 'a', 'b', 'c')
    assert torch.equal(clean, before), 'the clean batch is changed in place'
    assert images.dtype == clean.dtype, f'a {clean.dtype} batch is degraded to {images.dtype}'
    assert images.isfinite().all(), 'the result holds values that are not finite numbers'
    assert torch.equal(run(clean[:1], 'b')[0], images[1]), (
        'the noise of an image depends on its place or on the rest of its batch'
    )
    assert torch.equal(run(clean, 'a', 'b', 'c'), images), 'the same generators give other noise the second time'
    if random:
        assert not torch.equal(images[0], images[1]), 'two generators give the same noise'
    for device in _devices():
        trained = degradation.to(device)(clean.to(device))
        _held(check_degraded, degradation, trained, clean)
        assert trained[0].device.type == torch.device(device).type, (
            f'images on {device} are degraded to {trained[0].device}'
        )


def check_task(task: FrozenTask, images: Tensor, data_samples: Sequence, layer: str | None = None) -> None:
    """Check a frozen task: it stays frozen, its loss reaches the images, and it has predictions, labels and a score.

    Args:
        task: With or without weights.
        images: RGB batch of shape ``(N, 3, H, W)``, 0..1.
        data_samples: One labelled sample an image, as the task's data set gives them.
        layer: Name of a layer whose features are asked for.
    """
    assert isinstance(task, FrozenTask), f'{type(task).__name__} is not a semrestore.tasks.FrozenTask'
    task.train()
    thawed = [name for name, module in task.named_modules() if module.training]
    assert not thawed, f'train() puts {", ".join(thawed)} into training mode: leave train() to FrozenTask'
    trained = [name for name, weight in task.named_parameters() if weight.requires_grad]
    assert not trained, f'{", ".join(trained)} requires a gradient: pass the network to FrozenTask.__init__'
    assert copy.deepcopy(task) is task, 'a copy does not share the network'
    state = {key: value.clone() for key, value in task.state_dict().items()}
    before = images.clone()

    leaf = images.clone().requires_grad_()
    losses = task.loss(leaf, copy.deepcopy(list(data_samples)))
    _held(check_task_losses, task, losses)
    torch.stack([value.sum() for name, value in losses.items() if 'loss' in name]).sum().backward()
    assert leaf.grad is not None, 'the gradient of the loss does not reach the images'
    assert leaf.grad.isfinite().all(), 'the gradient of the loss holds values that are not finite numbers'
    assert leaf.grad.abs().sum() > 0, 'the gradient of the loss is zero everywhere'

    with torch.no_grad():
        labelled = task.self_label(images, [_without_labels(sample) for sample in data_samples])
        _held(check_samples, task, 'self_label', labelled, len(images))
        for sample in labelled:
            assert any(name.startswith('gt_') for name in sample.keys()), 'self_label returns a sample without any gt_…'  # noqa: SIM118
        _held(check_task_losses, task, task.loss(images, labelled))
        predictions = task.predict(images, copy.deepcopy(list(data_samples)))
        _held(check_samples, task, 'predict', predictions, len(images))
    for prediction, sample in zip(predictions, data_samples, strict=True):
        assert prediction.metainfo.get('img_path') == sample.metainfo.get('img_path'), (
            'predict changes the order or the names'
        )
    if task.score:
        score = METRICS.build(dict(type=task.score))
        rows = [json.loads(json.dumps(score.row(prediction, task.num_classes))) for prediction in predictions]
        for metric in score.metrics:
            values = score.values(metric, rows, torch.ones(2, len(rows)).numpy())
            assert len(values) == 2, f'{task.score}.values returns {len(values)} values of {metric} for two samples'
            assert values[0] == values[1], f'{task.score}.values gives two values of {metric} for the same images'
            # A correlation or a cosine may be below zero. A value that is not a percentage is far outside this range.
            assert -100 <= values[0] <= 100, f'{task.score}.values gives {values[0]} for {metric}; expected percent'
    if layer:
        features = task.features(images, [layer])
        assert list(features) == [layer], f"features returns {list(features)} for '{layer}'"
    assert torch.equal(images, before), 'the images are changed in place'
    changed = [key for key, value in task.state_dict().items() if not torch.equal(value, state[key])]
    assert not changed, f'the network changed in use: {", ".join(changed)}'


def check_loss(loss: Loss, task: FrozenTask | None = None, data_samples: Sequence = ()) -> None:
    """Check a loss: a finite scalar whose gradient reaches the restored images and nothing else.

    Args:
        loss: The loss.
        task: The frozen network, if the loss asks for features or the task's loss.
        data_samples: Two labelled samples, if it asks for the task's loss.
    """
    assert isinstance(loss, Loss), f'{type(loss).__name__} is not a semrestore.losses.Loss'
    clean = _images(2, 64, 64)
    noisy = clean + 0.1 * _noise(clean)
    restored = (0.7 * noisy + 0.3 * clean).requires_grad_()

    def run() -> Tensor:
        return loss(
            Step(clean, noisy, restored, list(data_samples), task, layers=loss.layers, task_loss=loss.needs_task_loss)
        )

    value = run()
    _held(check_term, loss, value)
    assert value.isfinite().all(), f'{type(loss).__name__} is {value.item()}'
    value.sum().backward()
    assert restored.grad is not None, 'the gradient does not reach the restored images'
    assert restored.grad.abs().sum() > 0, 'the gradient is zero everywhere'
    assert torch.equal(run(), value), 'the same step gives another value the second time'


def check_dataset(dataset: Sequence, count: int = 4) -> None:
    """Check a data set: 8-bit RGB items with different names, also from a worker process.

    Args:
        dataset: With its whole pipeline.
        count: How many of its items to look at.
    """
    from semrestore.preprocessor import image_name

    assert len(dataset) > 0, 'the data set is empty'
    names = []
    for index in range(min(count, len(dataset))):
        item = dataset[index]
        missing = {'inputs', 'data_samples'} - set(item)
        assert not missing, (
            f'item {index} has no {" and no ".join(sorted(missing))}: does the pipeline end with PackInputs?'
        )
        image = item['inputs']
        assert isinstance(image, Tensor), f"the 'inputs' of item {index} are a {type(image).__name__}"
        assert image.dtype == torch.uint8, f"the 'inputs' of item {index} are {image.dtype}; expected uint8"
        assert image.ndim == 3, f"the 'inputs' of item {index} have the shape {tuple(image.shape)}; expected (3, H, W)"
        assert len(image) == 3, f"the 'inputs' of item {index} have the shape {tuple(image.shape)}; expected (3, H, W)"
        names.append(image_name(item['data_samples']))
    assert len(set(names)) == len(names), f'names are not unique, so images would share their noise: {", ".join(names)}'
    assert len(pickle.loads(pickle.dumps(dataset))) == len(dataset)


def _restored(denoiser: Denoiser, noisy: Tensor, sigma: float | Tensor | None) -> Tensor:
    restored = denoiser(noisy, sigma)
    _held(check_restored, denoiser, restored, noisy)
    return restored


def _held(check: Callable[..., None], *arguments: Any) -> None:
    """Turn a broken contract into a failed assertion, as a test reports it."""
    try:
        check(*arguments)
    except ContractError as error:
        raise AssertionError(str(error)) from None


def _devices() -> list[str]:
    return ['cpu', *(['cuda'] if torch.cuda.is_available() else [])]


def _images(count: int, height: int, width: int) -> Tensor:
    return torch.rand(count, 3, height, width, generator=torch.Generator().manual_seed(0))


def _noise(like: Tensor) -> Tensor:
    return torch.randn(like.shape, generator=torch.Generator().manual_seed(1))


def _near(one: Tensor, other: Tensor, tolerance: float) -> bool:
    return bool(((one - other).abs() <= tolerance).all())


def _without_labels(sample: Any) -> Any:
    bare = type(sample)(metainfo=sample.metainfo)
    for name in sample.keys():  # noqa: SIM118 (a data element is no dict)
        if not name.startswith('gt_'):
            bare.set_data({name: sample.get(name)})
    return bare

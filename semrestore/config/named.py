"""A frozen task by the name of a network: ``timm:resnet50``, ``torchvision:mobilenet_v2``, or a config's."""

from collections.abc import Sequence
from typing import NamedTuple

from semrestore.config.check import frozen_networks
from semrestore.config.load import load_config
from semrestore.errors import UserError, explained, near
from semrestore.weights.task_networks import CARRIERS, OWN, is_installed

__all__ = ['NamedTask', 'named_task']

LIBRARIES = ('timm', 'torchvision')
CARRIED = {
    'timm:tf_efficientnet_lite0': 'efficientnet-lite0',
    'timm:tf_efficientnet_lite1': 'efficientnet-lite1',
    'timm:tf_efficientnet_lite2': 'efficientnet-lite2',
    'torchvision:mobilenet_v2': 'mobilenet-v2',
}
SIDE, SHORT_SIDE = 224, 256


class NamedTask(NamedTuple):
    """What is known of a network by its name alone."""

    task: dict
    """Config of the frozen task."""

    side: int = SIDE
    """Of the square that it looks at, in pixels."""

    short_side: int = SHORT_SIDE
    """To which an image is brought before that square is cut out of its middle."""

    interpolation: str = 'bicubic'

    soft: bool = False
    """Whether its class probabilities can be trained against; else its own predictions are."""


def named_task(name: str, checkpoint: str | None = None) -> NamedTask:
    """Return the frozen task that a name stands for, with the image size of its own evaluation.

    Args:
        name: ``timm:NAME``, ``torchvision:NAME``, or a config file with ``model.task``.
        checkpoint: Weights: a file, a URL, a name of :mod:`semrestore.weights.task_networks`, or ``'random'``. By
            default those that the library publishes, from an installed package where one carries them.

    Raises:
        UserError: There is no such network, or no such config.
    """
    library, _, network = name.partition(':')
    if library not in LIBRARIES or not network:
        return _of_config(name, checkpoint)
    carried = CARRIED.get(name)
    if checkpoint is None and carried and is_installed(CARRIERS[carried]):
        checkpoint = carried
    return _of_timm(network, checkpoint) if library == 'timm' else _of_torchvision(network, checkpoint)


def _of_timm(network: str, checkpoint: str | None) -> NamedTask:
    import timm

    base = network.partition('.')[0]
    if base not in timm.list_models():
        raise UserError(f"timm has no network '{network}'.{near(base, timm.list_models())}")
    known = timm.get_pretrained_cfg(network)
    if known is None:
        raise UserError(f"timm knows no preprocessing of '{network}'; name one with weights, such as {base}.TAG")
    model: dict = dict(
        type='TimmClassifier', model_name=network, data_preprocessor=_preprocessor(known.mean, known.std)
    )
    if checkpoint is None:
        model['pretrained'] = True
    side = known.input_size[-1]
    task = dict(type='OpenMMLabTask', model=model, checkpoint=checkpoint or OWN)
    return NamedTask(task, side, round(side / (known.crop_pct or 1)), known.interpolation or 'bicubic', soft=True)


def _of_torchvision(network: str, checkpoint: str | None) -> NamedTask:
    from torchvision import models

    classifiers = models.list_models(module=models)
    if network not in classifiers:
        raise UserError(f"torchvision has no classifier '{network}'.{near(network, classifiers)}")
    weights = models.get_model_weights(network).DEFAULT
    if network == 'mobilenet_v2' and checkpoint == 'mobilenet-v2':
        weights = models.MobileNet_V2_Weights.IMAGENET1K_V1  # which the package carries
    preset = weights.transforms()
    model = dict(
        type='semrestore.TorchvisionClassifier',
        model_name=network,
        data_preprocessor=_preprocessor(preset.mean, preset.std),
    )
    task = dict(type='OpenMMLabTask', model=model, checkpoint=checkpoint or weights.url)
    return NamedTask(task, preset.crop_size[0], preset.resize_size[0], preset.interpolation.value, soft=True)


def _preprocessor(mean: Sequence[float], std: Sequence[float]) -> dict:
    return dict(mean=[255 * value for value in mean], std=[255 * value for value in std], to_rgb=True)


def _of_config(path: str, checkpoint: str | None) -> NamedTask:
    if not path.endswith('.py'):
        known = ' or '.join(f'{library}:NAME' for library in LIBRARIES)
        raise UserError(f"'{path}' names no network: expected {known}, or a config file with model.task")
    cfg = load_config(path)
    networks = list(frozen_networks(cfg).values())
    if len(networks) != 1:
        raise UserError(f"config '{path}' has {len(networks)} task networks; expected one, in model.task")
    task = dict(networks[0])
    if checkpoint:
        task['checkpoint'] = checkpoint
    with explained(f"the test pipeline of config '{path}' cannot be read"):
        side = _crop_of(cfg)
    return NamedTask(task, side, max(SHORT_SIDE, side), soft=cfg.model.get('supervision') == 'soft')


def _crop_of(cfg: dict) -> int:
    pipeline = ((cfg.get('test_dataloader') or {}).get('dataset') or {}).get('pipeline') or ()
    sizes = [step['crop_size'] for step in pipeline if 'crop_size' in step]
    return sizes[-1] if sizes and isinstance(sizes[-1], int) else SIDE

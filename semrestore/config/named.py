"""Build a frozen task from a network's name, such as ``timm:resnet50`` or ``hf:google/vit-base-patch16-224``."""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

from mmengine.config import Config

from semrestore.config.check import frozen_networks
from semrestore.config.libraries import library_model, no_mmdet
from semrestore.config.load import load_config
from semrestore.errors import UserError, explained, near
from semrestore.weights.carriers import CARRIERS, OWN, check_weights, is_installed

__all__ = ['NamedTask', 'named_task']

FORMS = ('timm:NAME', 'torchvision:NAME', 'hf:NAME', 'mmpretrain:CONFIG', 'mmseg:CONFIG')
CARRIED = {
    'timm:tf_efficientnet_lite0': 'efficientnet-lite0',
    'timm:tf_efficientnet_lite1': 'efficientnet-lite1',
    'timm:tf_efficientnet_lite2': 'efficientnet-lite2',
    'torchvision:mobilenet_v2': 'mobilenet-v2',
}
SIDE, SHORT_SIDE = 224, 256
MAP_SIDE = 320
"""Of images for a network that answers by a map or by boxes, and takes any size."""

SCORED = ('ForImageClassification', 'ForSemanticSegmentation')
"""How the names of transformers' networks end whose answer is one of several classes."""


class NamedTask(NamedTuple):
    """Hold what a network's name says about it."""

    task: dict
    """Config of the frozen task."""

    side: int = SIDE
    """Side of the square that the network looks at, in pixels."""

    short_side: int = SHORT_SIDE
    """Shorter side to which an image is resized before that square is cut out of its middle."""

    interpolation: str = 'bicubic'

    soft: bool = False
    """Whether its class probabilities can be trained against; else its own predictions are."""

    train_pipeline: Sequence[dict] = ()
    """How photos are prepared for training, if the network's own config says so; else they are resized and cropped."""

    test_pipeline: Sequence[dict] = ()
    """The same for the photos held out."""

    preprocessor: dict | None = None
    """The config's ``data_preprocessor``, which says in which order its pipelines load the channels."""

    fixed_size: bool = False
    """Whether it takes no smaller images, as many transformers."""


def named_task(name: str, checkpoint: str | None = None) -> NamedTask:
    """Return the frozen task that a name stands for, with the image size of its own evaluation.

    Args:
        name: ``timm:NAME``, ``torchvision:NAME``, ``hf:NAME`` (a name on the hub of Hugging Face, or a folder),
            ``mmpretrain:CONFIG`` or ``mmseg:CONFIG`` (a config that comes with that library), or a config file with
            ``model.task``.
        checkpoint: Weights: a file, a URL, a name of :mod:`semrestore.weights.carriers`, or ``'random'``. By
            default those that the library publishes, from an installed package where one carries them.

    Raises:
        UserError: The network, the config or the file of weights does not exist.
    """
    check_weights(checkpoint)
    library, _, network = name.partition(':')
    builders = dict(hf=_of_transformers, timm=_of_timm, torchvision=_of_torchvision)
    carried = CARRIED.get(name)
    if checkpoint is None and carried and is_installed(CARRIERS[carried]):
        checkpoint = carried
    if library in builders and network:
        return builders[library](network, checkpoint)
    if library in ('mmpretrain', 'mmseg') and network:
        return _of_openmmlab(library, network.lstrip(':'), checkpoint)
    if library == 'mmdet':
        raise no_mmdet(f"the network is '{name}'")
    return _of_config(name, checkpoint)


def _of_timm(network: str, checkpoint: str | None) -> NamedTask:
    import timm

    base = network.partition('.')[0]
    if base not in timm.list_models():
        raise UserError(f"timm has no network '{network}'.{near(base, timm.list_models())}")
    known = timm.get_pretrained_cfg(network)
    if known is None:
        raise UserError(f"timm has no preprocessing for '{network}'. Name one with weights, such as {base}.TAG")
    model: dict = dict(
        type='TimmClassifier', model_name=network, data_preprocessor=_preprocessor(known.mean, known.std)
    )
    if checkpoint is None:
        model['pretrained'] = True
    side = known.input_size[-1]
    task = dict(type='OpenMMLabTask', model=model, checkpoint=checkpoint or OWN)
    resized = round(side / (known.crop_pct or 1))
    fixed = bool(known.fixed_input_size)
    return NamedTask(task, side, resized, known.interpolation or 'bicubic', soft=True, fixed_size=fixed)


def _of_torchvision(network: str, checkpoint: str | None) -> NamedTask:
    from torchvision import models

    kind = torchvision_kind(network)
    weights = models.get_model_weights(network).DEFAULT
    if network == 'mobilenet_v2' and checkpoint == 'mobilenet-v2':
        weights = models.MobileNet_V2_Weights.IMAGENET1K_V1  # which the package carries
    task = dict(type='TorchvisionTask', model=network, checkpoint=checkpoint or weights.url)
    preset = weights.transforms()
    if kind != 'detection':
        task['data_preprocessor'] = _preprocessor(preset.mean, preset.std)
    if kind != 'classification':
        return NamedTask(task, MAP_SIDE, MAP_SIDE, 'bilinear', soft=kind == 'segmentation')
    resize, crop = preset.resize_size[0], preset.crop_size[0]
    fixed = network.startswith(('vit_', 'maxvit_'))
    return NamedTask(task, crop, resize, preset.interpolation.value, soft=True, fixed_size=fixed)


def torchvision_kind(name: str) -> Literal['classification', 'segmentation', 'detection']:
    """Return the task of a torchvision network.

    Raises:
        UserError: The network does not exist, or is for another purpose (films, optical flow, 8-bit integers).
    """
    from torchvision import models

    classifiers, segmenters, detectors = (
        models.list_models(module=module) for module in (models, models.segmentation, models.detection)
    )
    if name in classifiers:
        return 'classification'
    if name in segmenters:
        return 'segmentation'
    if name in detectors:
        return 'detection'
    hint = near(name, [*classifiers, *segmenters, *detectors])
    raise UserError(f"torchvision has no classifier, segmenter or detector '{name}'.{hint}")


def _of_transformers(network: str, checkpoint: str | None) -> NamedTask:
    try:
        import transformers
    except ImportError:
        raise UserError(f"'hf:{network}' needs transformers: pip install 'semrestore[transformers]'") from None
    with explained(f"'{network}' cannot be loaded as a network of transformers, from a folder or from the hub"):
        config = transformers.AutoConfig.from_pretrained(network, trust_remote_code=False)
        processor = transformers.AutoImageProcessor.from_pretrained(network, trust_remote_code=False)
    size = processor.size
    side = getattr(size, 'height', None) or getattr(size, 'shortest_edge', None) or SIDE
    enlarged = _enlarged(processor, side)
    # The task resizes and crops by its own processor, so it gets whole squares; but noise must not be enlarged.
    resize = enlarged == side
    task = dict(type='TransformersTask', network=network, checkpoint=checkpoint or '', resize=resize)
    soft = str((config.architectures or [''])[0]).endswith(SCORED)
    # A smaller crop would be enlarged, and its noise with it. Larger ones than this take too long.
    return NamedTask(task, side, enlarged, soft=soft, fixed_size=side <= 256)


def _enlarged(processor: Any, side: int) -> int:
    """Return the short side from which a processor of transformers cuts its square out."""
    if type(processor).__name__.startswith('Levit'):
        return int(256 / 224 * side)
    share = getattr(processor, 'crop_pct', None)
    if share and side < 384:  # from there on ConvNeXt takes the whole image
        return int(side / share)
    return side


def _of_openmmlab(library: str, config: str, checkpoint: str | None) -> NamedTask:
    if checkpoint is None:
        raise UserError(
            f"'{library}:{config}' has no weights of its own. Give them as --checkpoint FILE, a file or a URL"
        )
    model = f'{library}::{config.removesuffix(".py")}.py'
    known = library_model(model)
    task = dict(type='OpenMMLabTask', model=model, checkpoint=checkpoint)
    if library == 'mmpretrain':
        return NamedTask(task, soft=True)
    # The size of its training crops, because some of mmseg's heads take no smaller images.
    side = min((known.get('data_preprocessor') or {}).get('size') or [MAP_SIDE])
    return NamedTask(task, side, side, 'bilinear', soft=True)


def _preprocessor(mean: Sequence[float], std: Sequence[float]) -> dict:
    return dict(mean=[255 * value for value in mean], std=[255 * value for value in std], to_rgb=True)


def _of_config(path: str, checkpoint: str | None) -> NamedTask:
    if not path.endswith('.py'):
        raise UserError(f"'{path}' is not a network; expected {', '.join(FORMS)}, or a config file with model.task")
    cfg = load_config(path)
    networks = list(frozen_networks(cfg).values())
    if len(networks) != 1:
        raise UserError(f"config '{path}' has {len(networks)} task networks; expected one, in model.task")
    task = dict(networks[0])
    if checkpoint:
        task['checkpoint'] = checkpoint
    with explained(f"the test pipeline of config '{path}' cannot be read"):
        side = _crop_of(cfg)
    soft = cfg.model.get('supervision') == 'soft'
    return NamedTask(task, side, max(SHORT_SIDE, side), 'bicubic', soft, **_photo_pipelines(cfg))


def _photo_pipelines(cfg: Config) -> dict[str, Any]:
    """Return a config's pipelines and its preprocessor if the pipelines are for folders of photos."""
    from semrestore.datasets import EmbeddedPhotos, PhotoFolder
    from semrestore.registry import DATASETS

    found: dict[str, Any] = dict(preprocessor=cfg.model.get('data_preprocessor'))
    for part in ('train', 'test'):
        dataset = (cfg.get(f'{part}_dataloader') or {}).get('dataset') or {}
        while 'dataset' in dataset:
            dataset = dataset['dataset']
        kind = DATASETS.get(str(dataset.get('type')))
        if not (isinstance(kind, type) and issubclass(kind, PhotoFolder)) or issubclass(kind, EmbeddedPhotos):
            return {}
        found[f'{part}_pipeline'] = [dict(step) for step in dataset.get('pipeline') or ()]
    return found


def _crop_of(cfg: dict) -> int:
    pipeline = ((cfg.get('test_dataloader') or {}).get('dataset') or {}).get('pipeline') or ()
    sizes = [step['crop_size'] for step in pipeline if 'crop_size' in step]
    return sizes[-1] if sizes and isinstance(sizes[-1], int) else SIDE

"""Restore one image by several methods, with what a task network sees in each result."""

import copy
import re
from collections.abc import Mapping
from pathlib import Path

import torch
import torch.nn.functional as F
from mmengine.config import Config
from mmengine.dataset import Compose
from mmengine.registry import DefaultScope
from mmengine.structures import BaseDataElement
from torch import Tensor

from semrestore.degradations import GaussianNoise, image_generator
from semrestore.denoisers import Denoiser
from semrestore.errors import UserError, explained
from semrestore.evaluation import psnr, to_8_bit
from semrestore.images import read_photo
from semrestore.registry import DATASETS, MODELS
from semrestore.visualization.comparison import Comparison, Shown, telling_region

__all__ = ['Onlooker', 'choose_region', 'compare']


class Onlooker:
    """Ask a task network what it sees in images that its config's test pipeline loads.

    Args:
        cfg: A config with a task and test data.
        device: Where the network runs.

    Raises:
        UserError: The config has no task or no test data, or does not build.
    """

    def __init__(self, cfg: Config, device: str) -> None:
        self.config = cfg.filename
        if not cfg.model.get('task') or not cfg.get('test_dataloader'):
            missing = 'test_dataloader' if cfg.model.get('task') else 'model.task, the one network to ask'
            raise UserError(f"config '{self.config}' of --task has no {missing}")
        data = cfg.test_dataloader.dataset
        with DefaultScope.overwrite_default_scope('semrestore'), explained(f"config '{self.config}' does not build"):
            self.task = MODELS.build(cfg.model.task).eval().to(device)
            preprocessor = cfg.model.get('data_preprocessor') or dict(type='ImagePreprocessor')
            self.preprocessor = MODELS.build(preprocessor).to(device)
            # Photos without annotations can be shown, too.
            steps = [step for step in data.pipeline if not re.search('Annotation|LabelMap', step['type'])]
            self.pipeline = Compose(steps)
            self.meta = getattr(DATASETS.get(data.type), 'METAINFO', {})

    def load(self, path: Path) -> tuple[Tensor, BaseDataElement]:
        """Return an image in the network's form, ``(3, H, W)`` in 0..1, and its data sample."""
        item = dict(img_path=str(path), name=path.stem, dataset_name='', seg_fields=[], reduce_zero_label=False)
        with explained(f"'{path}' does not go through the test pipeline of '{self.config}'"):
            item = self.pipeline(item)
            data = self.preprocessor(dict(inputs=[item['inputs']], data_samples=[item['data_samples']]))
        return data['inputs'][0], data['data_samples'][0]

    def judge(self, comparison: Comparison, clean: Tensor | None, sample: BaseDataElement) -> None:
        """Add what the network sees in each image. Its answer on the clean image counts as right."""
        expected = None if clean is None else self._predict(clean, sample)
        for one in comparison.shown:
            seen = self._predict(one.image, sample)
            same = None if expected is None or one.method == 'clean' else self._agreement(seen, expected)
            if 'pred_label' in seen:
                one.label, one.good = self._class(int(seen.pred_label)), None if same is None else same == 1
            else:
                one.label = '' if same is None else f'{100 * same:.1f} % of pixels as in clean'
                one.overlay = self._overlay(one.image, seen.pred_sem_seg.data)

    def _predict(self, image: Tensor, sample: BaseDataElement) -> BaseDataElement:
        with torch.no_grad():
            prediction = self.task.predict(image[None], [copy.deepcopy(sample)])[0]
        if 'pred_label' not in prediction and 'pred_sem_seg' not in prediction:
            raise UserError(
                f"--task: the network of config '{self.config}' returns neither a label nor a segmentation;"
                ' expected one of them'
            )
        return prediction

    @staticmethod
    def _agreement(seen: BaseDataElement, expected: BaseDataElement) -> float:
        if 'pred_label' in seen:
            return float(seen.pred_label == expected.pred_label)
        return (seen.pred_sem_seg.data == expected.pred_sem_seg.data).float().mean().item()

    def _class(self, index: int) -> str:
        from mmpretrain.datasets.categories import IMAGENET_CATEGORIES

        imagenet = IMAGENET_CATEGORIES if self.task.num_classes == len(IMAGENET_CATEGORIES) else ()
        names = self.meta.get('classes') or imagenet
        return names[index].split(',')[0] if index < len(names) else f'class {index}'

    def _overlay(self, image: Tensor, labels: Tensor) -> Tensor:
        from matplotlib import colormaps

        others = [[255 * part for part in colormaps['tab20'](index % 20)[:3]] for index in range(255)]
        palette = self.meta.get('palette') or [[0, 0, 0], *others]
        indices = labels.reshape(1, *labels.shape[-2:]).cpu().clamp_max(len(palette) - 1)
        colours = torch.tensor(palette, dtype=torch.float32)[indices].permute(0, 3, 1, 2) / 255
        if colours.shape[-2:] != image.shape[-2:]:  # mmseg returns the size of the annotation
            colours = F.interpolate(colours, image.shape[-2:])
        return 0.4 * image.cpu().clamp(0, 1) + 0.6 * colours[0]


def compare(
    denoisers: Mapping[str, Denoiser],
    image: Path,
    reference: Path | None = None,
    sigma: float | None = None,
    seed: int = 0,
    onlooker: Onlooker | None = None,
    device: str = 'cpu',
) -> Comparison:
    """Return one image by several methods, without a region to enlarge.

    Args:
        denoisers: By name. ``'clean'`` stands for the clean image, whatever its denoiser.
        image: A clean image if there is a ``sigma``, otherwise a noisy one.
        reference: Its clean partner, if it is noisy and has one.
        sigma: Standard deviation of the noise to add, on 0..255, the same for all methods.
        seed: With the image's name it seeds the noise.
        onlooker: Says what a task network sees in each result.
        device: Where the denoisers are.

    Raises:
        UserError: A file cannot be read or restored, or image and reference differ in size.
    """

    def load(path: Path) -> tuple[Tensor, BaseDataElement | None]:
        if onlooker is not None:
            return onlooker.load(path)
        return torch.from_numpy(read_photo(path).copy()).permute(2, 0, 1).to(device) / 255, None

    noisy, sample = load(image)
    clean, level = load(reference)[0] if reference else None, None
    if sigma is not None:
        clean = noisy
        batch, level = GaussianNoise(sigma)(clean[None], [image_generator(seed, image.stem)])
        noisy = batch[0]
    if clean is not None and clean.shape != noisy.shape:
        sizes = f'{tuple(noisy.shape[1:])} and {tuple(clean.shape[1:])}'
        raise UserError(f"'{image}' and '{reference}' differ in size: {sizes}; expected the same size")
    comparison = Comparison(image.stem, noisy=noisy)
    for name, denoiser in denoisers.items():
        if name == 'clean':
            assert clean is not None  # the command line checks that
            comparison.shown.append(Shown(name, clean))
            continue
        with explained(f"'{name}' cannot restore '{image}'"):
            restored = denoiser(noisy[None], level)[0]
            if not restored.isfinite().all():
                raise ValueError('it returned values that are not finite numbers')
        quality = None if clean is None else psnr(to_8_bit(restored), to_8_bit(clean))
        comparison.shown.append(Shown(name, restored, quality))
    if onlooker is not None:
        onlooker.judge(comparison, clean, sample)
    return comparison


def choose_region(comparison: Comparison, given: tuple[int, int, int] | None, side: int) -> None:
    """Set the region to enlarge: the given one, or the square of ``side`` in which the methods differ most.

    Raises:
        UserError: The given region is not inside the image.
    """
    height, width = comparison.shown[0].image.shape[1:]
    if given is not None:
        if given[0] + given[2] > height or given[1] + given[2] > width:
            raise UserError(
                f"--region {','.join(map(str, given))} is not inside '{comparison.name}', which has {height} rows and"
                f' {width} columns'
            )
        comparison.region = given
        return
    compared = [one.image for one in comparison.shown if one.method not in ('noisy', 'clean')]
    if len(compared) < 2:
        compared = [one.image for one in comparison.shown]
    if len(compared) < 2 and comparison.noisy is not None:
        compared = [comparison.noisy, *compared]
    comparison.region = telling_region(compared, side)

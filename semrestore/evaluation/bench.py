"""A set of clean images, and perhaps a task, that one denoiser after the other is measured on."""

import copy
import json
from collections.abc import Sequence
from typing import Any

from mmengine.config import ConfigDict
from mmengine.dataset import pseudo_collate
from mmengine.device import get_device
from mmengine.registry import DefaultScope
from torch.utils.data import DataLoader, Subset

from semrestore.acceleration import InferenceDenoiser
from semrestore.errors import UserError, explained
from semrestore.evaluation.methods import Method
from semrestore.evaluation.quality import psnr, to_8_bit
from semrestore.evaluation.rows import Rows
from semrestore.preprocessor import image_name
from semrestore.progress import ProgressBar
from semrestore.registry import METRICS, MODELS

__all__ = ['Bench']

NO_NOISE = dict(type='GaussianNoise', sigma=0)


class Bench:
    """A cascade whose denoiser and degradation are exchanged.

    Args:
        model: Config of the cascade, with a task or without.
        dataset: Clean images.
        name: What an error calls it.
        **loader: Arguments of the data loader.
    """

    def __init__(self, model: dict, dataset: Any, name: str, **loader: Any) -> None:
        self.dataset = dataset
        self.loader = loader
        self.default = dict(model['denoiser'])
        with DefaultScope.overwrite_default_scope('semrestore'), explained(f'{name} does not build'):
            # Of a copy: libraries write into the configs that they build.
            self.cascade = MODELS.build(ConfigDict(copy.deepcopy(dict(model)))).eval().to(get_device())
        task = self.cascade.task
        self.score = None
        if task is not None:
            if not task.score:
                raise UserError(f'{name}: {type(task).__name__} names no score, so there is no figure for it')
            self.score = METRICS.build(dict(type=task.score))
            classes, known = dataset.metainfo.get('classes'), task.num_classes
            if classes and known and len(classes) > known:
                raise UserError(f'{name}: the data have {len(classes)} classes, the task network {known}')

    def run(
        self,
        label: str,
        stored: Rows,
        method: Method,
        sigma: float | str | None,
        noise: dict | None,
        indices: Sequence[int],
    ) -> None:
        """Run the images that a cell lacks, and store what they scored.

        Args:
            label: What the progress bar is called.
            stored: The cell.
            method: The denoiser.
            sigma: Noise level on 0..255, or the name of another noise; ``None`` for clean images.
            noise: Config of the degradation; ``None`` for clean images.
            indices: Which images.
        """
        cascade, device = self.cascade, self.cascade.data_preprocessor.device
        with explained(f"the denoiser of '{label}' does not build"):
            cascade.denoiser = InferenceDenoiser(method.build(self.default, sigma)).to(device)
        cascade.degradation = MODELS.build(dict(noise or NO_NOISE)).to(device)
        done = len(stored.rows)
        loader: DataLoader = DataLoader(
            Subset(self.dataset, list(indices[done:])), collate_fn=pseudo_collate, **self.loader
        )
        with ProgressBar(label, len(indices), done) as bar:
            for batch in loader:
                for sample in cascade.test_step(batch):
                    stored.add(self._row(sample, label, sigma))
                    bar.advance()

    def _row(self, sample: Any, label: str, sigma: float | str | None) -> dict:
        name = image_name(sample)
        quality = None if sigma is None else psnr(to_8_bit(sample.restored), to_8_bit(sample.clean))
        row: dict = dict(image=name, psnr=quality)
        if self.score is not None:
            scored = self.score.row(sample, self.cascade.task.num_classes)
            try:
                json.dumps(scored, allow_nan=False)
            except (TypeError, ValueError) as error:
                what = f'{self.cascade.task.score}.row'
                raise UserError(f"{what} gives what JSON cannot hold for '{name}': {error}") from None
            row |= dict(score=self.cascade.task.score) | scored
        return row

"""Measure one denoiser after the other on clean images and, if given, task networks."""

import copy
import json
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmengine.config import ConfigDict
from mmengine.dataset import pseudo_collate
from mmengine.device import get_device
from mmengine.registry import DefaultScope
from torch.utils.data import DataLoader, Subset

from semrestore.acceleration import InferenceDenoiser
from semrestore.errors import UserError, explained
from semrestore.evaluation.gates import noise_levels
from semrestore.evaluation.methods import UNTOUCHED, Method
from semrestore.evaluation.quality import psnr, to_8_bit
from semrestore.evaluation.rows import Rows
from semrestore.preprocessor import image_name
from semrestore.progress import ProgressBar
from semrestore.registry import METRICS, MODELS
from semrestore.tasks.base import check_class_folders

__all__ = ['Bench']

NO_NOISE = dict(type='GaussianNoise', sigma=0)


class Bench:
    """Run a cascade with one denoiser and degradation after the other.

    Args:
        model: Config of the cascade, without losses. Of several networks each image is restored for all at once.
        dataset: Clean images.
        name: What an error calls it.
        dtype: What learned denoisers compute in.
        **loader: Arguments of the data loader.
    """

    def __init__(self, model: dict, dataset: Any, name: str, dtype: torch.dtype = torch.float32, **loader: Any) -> None:
        self.dataset = dataset
        self.dtype = dtype
        self.loader = loader
        self.default = dict(model['denoiser'])
        with DefaultScope.overwrite_default_scope('semrestore'), explained(f'{name} does not build'):
            # From a copy, because libraries change the configs that they build.
            self.cascade = MODELS.build(ConfigDict(copy.deepcopy(dict(model)))).eval().to(get_device())
        self.scores = {}
        for network, task in self.cascade.tasks.items():
            if not task.score:
                raise UserError(
                    f'{name}: {type(task).__name__} has no score, so nothing can be measured. Set its attribute score'
                )
            self.scores[network] = METRICS.build(dict(type=task.score))
            check_class_folders(dataset, task.num_classes)
            classes, known = dataset.metainfo.get('classes'), task.num_classes
            if classes and known and len(classes) > known:
                raise UserError(
                    f'{name}: the data have {len(classes)} classes, but the task network has {known}; expected at'
                    f' most {known}. Take data with fewer classes, or a network with more'
                )

    def run(
        self,
        label: str,
        stored: Mapping[str | None, Rows],
        method: Method,
        sigma: float | str | None,
        noise: dict | None,
        indices: Sequence[int],
    ) -> None:
        """Run the images that are missing in a cell, and store their scores.

        Args:
            label: What the progress bar is called.
            stored: The cells by the name of their network, ``None`` without one; they hold equally many rows. The other
                networks are not run.
            method: The denoiser.
            sigma: Noise level on 0..255, or the name of another noise; ``None`` for clean images.
            noise: Config of the degradation; ``None`` for clean images.
            indices: Which images.
        """
        cascade, device = self.cascade, self.cascade.data_preprocessor.device
        with explained(f"the denoiser of '{label}' does not build"):
            cascade.denoiser = InferenceDenoiser(method.build(self.default, sigma), self.dtype).to(device)
        clean = noise is None or noise == NO_NOISE
        if sigma == UNTOUCHED and noise == NO_NOISE:
            noise = dict(NO_NOISE, sigma=[0, 0, 0])  # without a noise level
        cascade.degradation = MODELS.build(dict(noise or NO_NOISE)).to(device)
        done = len(next(iter(stored.values())).rows)
        loader: DataLoader = DataLoader(
            Subset(self.dataset, list(indices[done:])), collate_fn=pseudo_collate, **self.loader
        )
        estimates = method.name == 'noisy'  # once, because all methods see the same image
        networks, cascade.tasks = cascade.tasks, {name: cascade.tasks[name] for name in stored if name}
        try:
            with ProgressBar(label, len(indices), done) as bar:
                for batch in loader:
                    if clean:
                        batch['inputs'] = [image[:3] for image in batch['inputs']]  # of a pair, the clean one
                    for sample in cascade.test_step(batch):
                        level = _noise(sample.noisy) if estimates else {}
                        for name, rows in stored.items():
                            rows.add(self._row(sample, name, label, sigma) | level)
                        bar.advance()
        finally:
            cascade.tasks = networks

    def _row(self, sample: Any, network: str | None, label: str, sigma: float | str | None) -> dict:
        name = image_name(sample)
        quality = None
        if sigma is not None and 'clean' in sample:
            quality = psnr(to_8_bit(sample.restored), to_8_bit(sample.clean))
        row: dict = dict(image=name, psnr=quality)
        if network is not None:
            task = self.cascade.tasks[network]
            scored = self.scores[network].row(sample.get(network, sample), task.num_classes)
            try:
                json.dumps(scored, allow_nan=False)
            except (TypeError, ValueError) as error:
                raise UserError(
                    f"{task.score}.row returned values for '{name}' that JSON cannot hold: {error}; expected"
                    ' numbers, texts, lists and dicts'
                ) from None
            row |= dict(score=task.score) | scored
        return row


def _noise(image: torch.Tensor) -> dict[str, float | None]:
    """Return the estimated noise of an image on 0..255, for the gates."""
    levels = noise_levels(image[None])
    return dict(noise=None if levels is None else round(levels.item(), 2))

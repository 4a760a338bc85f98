"""Log pictures of what validation restores, for MMEngine's visualiser."""

import math
from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmengine.structures import BaseDataElement

from semrestore.registry import HOOKS


@HOOKS.register_module()
class RestorationHook(Hook):
    """Log noisy, restored and clean photos of every validation, with PSNR and what the task network sees in each.

    They go to the runner's visualiser, so to every backend that the config names: files below ``vis_data/vis_image``
    (``LocalVisBackend``, the default), TensorBoard (``TensorboardVisBackend``), Weights and Biases
    (``WandbVisBackend``).

    Args:
        images: How many, the first of the validation data.
        interval: Every so many validations.
        max_side: Larger images are shown by their middle of this side.
    """

    priority = 'LOW'

    def __init__(self, images: int = 4, interval: int = 1, max_side: int = 384) -> None:
        if min(images, interval, max_side) < 1:
            raise ValueError(
                f'images, interval and max_side are {images}, {interval} and {max_side}; expected at least 1'
            )
        self.images = images
        self.interval = interval
        self.max_side = max_side
        self._validations = 0
        self._rows: list = []

    def before_val_epoch(self, runner: Runner) -> None:
        """Start anew."""
        self._rows = []

    def after_val_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict | None = None, outputs: Any = None
    ) -> None:
        """Keep the first images. Samples without images (a task network's own training) are skipped."""
        if self._validations % self.interval:
            return
        for sample in outputs or ():
            if len(self._rows) < self.images and all(name in sample for name in ('noisy', 'restored', 'clean')):
                self._rows.append(self.tiles(sample))

    def after_val_epoch(self, runner: Runner, metrics: dict | None = None) -> None:
        """Log the picture."""
        from mmengine.dist import is_main_process

        from semrestore.visualization.panel import panel_array

        self._validations += 1
        if self._rows and is_main_process():
            runner.visualizer.add_image(
                'restored', panel_array(self._rows, ('noisy', 'restored', 'clean')), step=runner.iter
            )
        self._rows = []

    def tiles(self, sample: Any) -> list:
        from torchvision.transforms.functional import center_crop

        from semrestore.evaluation import psnr, to_8_bit
        from semrestore.visualization.panel import Tile

        tiles = []
        for name in ('noisy', 'restored', 'clean'):
            image = getattr(sample, name).detach().float().cpu()
            words = []
            if name != 'clean':
                quality = psnr(to_8_bit(image), to_8_bit(sample.clean.cpu()))
                words.append(f'{quality:.2f} dB' if math.isfinite(quality) else 'as clean')
            good = None
            predictions = self._predictions(sample)
            for network, prediction in predictions.items():
                said, right = self._seen(name, prediction)
                good = right if len(predictions) == 1 else None
                words += [f'{network}: {said}' if network else said] * bool(said)
            shown = [min(side, self.max_side) for side in image.shape[-2:]]
            tiles.append(Tile(center_crop(image, shown), ', '.join(words), good))
        return tiles

    @staticmethod
    def _predictions(sample: Any) -> dict[str, Any]:
        """Return each task network's prediction: the sample itself for one network, by name for several."""
        several = {name: value for name, value in sample.items() if isinstance(value, BaseDataElement)}
        several = {name: value for name, value in several.items() if 'pred_label' in value or 'pred_sem_seg' in value}
        return several or {'': sample}

    @staticmethod
    def _seen(image: str, prediction: Any) -> tuple[str, bool | None]:
        """Return the caption of an image by what a network predicts for it, and whether that is right."""
        if image == 'restored' and 'pred_label' in prediction:
            right = bool(prediction.pred_label == prediction.gt_label) if 'gt_label' in prediction else None
            return f'class {prediction.pred_label.item()}', right
        if image == 'restored' and 'pred_sem_seg' in prediction and 'gt_sem_seg' in prediction:
            truth = prediction.gt_sem_seg.data.cpu()
            right = (prediction.pred_sem_seg.data.cpu() == truth)[truth != 255].float().mean()
            return f'{right:.1%} of pixels right', None
        if image == 'clean' and 'gt_label' in prediction:
            return f'class {prediction.gt_label.item()}', None
        return '', None

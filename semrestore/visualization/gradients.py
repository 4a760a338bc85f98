"""Measure where each loss term looks: its gradient with respect to the noisy image (paper, Fig. 3)."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from semrestore.cascade import Cascade
from semrestore.degradations import image_generator
from semrestore.errors import UserError, explained
from semrestore.preprocessor import image_name
from semrestore.visualization.panel import Tile

TOP_SHARE = 0.05


def measure(cascade: Cascade, item: dict, device: str) -> tuple[list[dict], list[Tile]]:
    """Return how concentrated each loss term's gradient is on one photo, and the maps as tiles of a panel.

    Args:
        cascade: In evaluation mode.
        item: Of the config's test data.
        device: Where the cascade is.

    Returns:
        A dict a term (``image``, ``term``, ``top_share``, ``gini``), and the tiles: clean, noisy, a map a term.

    Raises:
        UserError: The losses cannot be taken on this photo.
    """
    data = cascade.data_preprocessor(dict(inputs=[item['inputs']], data_samples=[item['data_samples']]))
    clean, sample = data['inputs'][0].to(device), data['data_samples'][0]
    name = image_name(sample)
    with explained(f"the losses cannot be taken on '{name}'"):
        noisy, gradients = loss_gradients(cascade, clean, sample)
    rows: list[dict] = []
    tiles = [Tile(clean, name), Tile(noisy)]
    for term, gradient in gradients.items():
        strength = energy(gradient)
        share, spread = top_share(strength), gini(strength)
        rows.append(dict(image=name, term=term, top_share=share, gini=spread))
        tiles.append(Tile(heat(strength), f'top 5 %: {100 * share:.0f} % of energy, Gini {spread:.2f}'))
    return rows, tiles


def loss_gradients(cascade: Cascade, clean: Tensor, data_sample: object) -> tuple[Tensor, dict[str, Tensor]]:
    """Return the noisy image, and the gradient of each loss term alone with respect to it.

    The terms' weights are ignored, because they only scale the maps. The noise is that of an evaluation: an image
    always gets the same.

    Args:
        cascade: In evaluation mode.
        clean: One RGB image ``(3, H, W)``, 0..1, on the cascade's device.
        data_sample: The task library's, with the image's name, and with its label where the task loss asks for one.

    Returns:
        ``noisy`` and gradients of shape ``(3, H, W)``.

    Raises:
        UserError: A gradient has values that are not finite.
    """
    generator = image_generator(cascade.evaluation_seed, image_name(data_sample))
    noisy, sigma = cascade.degradation(clean[None], [generator])
    leaf = noisy.detach().requires_grad_()
    terms = cascade.terms(clean[None], leaf, cascade.denoiser(leaf, sigma), [data_sample])
    gradients = {name: torch.autograd.grad(term, leaf, retain_graph=True)[0][0] for name, term in terms.items()}
    wrong = [name for name, gradient in gradients.items() if not gradient.isfinite().all()]
    if wrong:
        raise UserError(
            f"the gradient of '{wrong[0]}' for '{image_name(data_sample)}' has values that are not finite numbers"
        )
    return noisy[0].detach(), gradients


def energy(gradient: Tensor) -> Tensor:
    """Return the energy of a gradient ``(3, H, W)`` at each pixel, ``(H, W)``: the sum of squares over the channels."""
    return gradient.double().square().sum(0)


def top_share(energy: Tensor, share: float = TOP_SHARE) -> float:
    """Return the share of the energy in the strongest pixels.

    Args:
        energy: Not negative, of any shape.
        share: Which part of the pixels: 0.05 for the strongest twentieth.

    Returns:
        A number from ``share`` (spread evenly) to 1; for an image without energy ``share``.

    >>> top_share(torch.tensor([1.0] * 19 + [19.0]))
    0.5
    """
    values = energy.flatten().double()
    count = max(1, round(share * values.numel()))
    total = values.sum()
    return (values.topk(count).values.sum() / total).item() if total > 0 else share


def gini(energy: Tensor) -> float:
    """Return the Gini coefficient of the energy over the pixels: 0 if all are equal, near 1 if few have all.

    >>> gini(torch.ones(10)), round(gini(torch.tensor([0.0, 0.0, 0.0, 1.0])), 2)
    (0.0, 0.75)
    """
    values = energy.flatten().double().sort().values
    total = values.sum()
    if total <= 0:
        return 0.0
    count = values.numel()
    ranks = torch.arange(1, count + 1, dtype=torch.float64, device=values.device)
    return max(0.0, ((2 * ranks - count - 1) @ values / (count * total)).item())


def heat(energy: Tensor, quantile: float = 0.995) -> Tensor:
    """Return a picture of an energy map: its square root in matplotlib's ``inferno``; RGB ``(3, H, W)``."""
    from matplotlib import colormaps

    magnitude = energy.sqrt().float().cpu()
    white = torch.from_numpy(_quantile(magnitude, quantile))
    colours = colormaps['inferno']((magnitude / white.clamp_min(1e-30)).clamp(0, 1).numpy())
    return torch.from_numpy(colours[..., :3].copy()).permute(2, 0, 1)


def _quantile(values: Tensor, quantile: float) -> np.ndarray:
    return np.asarray(np.quantile(values.numpy(), quantile))


def summary(rows: Sequence[dict]) -> dict[str, dict]:
    """Return mean, spread and count of each term's concentration over the images.

    Args:
        rows: One dict an image and term: ``image``, ``term``, ``top_share`` and ``gini``.
    """
    names = list(dict.fromkeys(row['term'] for row in rows))
    found: dict[str, dict] = {}
    by_image = {(row['image'], row['term']): row for row in rows}
    for name in names:
        own = [row for row in rows if row['term'] == name]
        entry: dict = dict(images=len(own))
        for key in ('top_share', 'gini'):
            values = torch.tensor([row[key] for row in own], dtype=torch.float64)
            entry[key] = values.mean().item()
            entry[f'{key}_std'] = values.std().item() if len(own) > 1 else 0.0
        if name != 'reconstruction' and 'reconstruction' in names:
            pairs = [(row, by_image[row['image'], 'reconstruction']) for row in own]
            entry['above_reconstruction'] = sum(row['top_share'] > base['top_share'] for row, base in pairs) / len(
                pairs
            )
        found[name] = entry
    return found

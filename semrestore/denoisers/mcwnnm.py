"""Run MCWNNM, multi-channel weighted nuclear norm minimisation, in batches of patch groups.

Xu et al., "Multi-channel Weighted Nuclear Norm Minimization for Real Color Image Denoising", ICCV 2017.

A group is a matrix Y whose n columns are similar patches, the pixels of R, G and B below one another, less their mean.
What is restored minimises over X

    1/2 || W (Y - X) ||_F^2 + || X ||_{w,*},    W = diag(1 / sigma_R, 1 / sigma_G, 1 / sigma_B),    w_i = C / s_i(X)

where s_i are singular values: a channel counts for less where it is noisier. With one sigma for all channels this is
the weighted nuclear norm minimisation of Gu et al. (CVPR 2014) on colour patches, which has a closed form; otherwise it
is solved by ADMM.
"""

from collections.abc import Iterator
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from semrestore.denoisers.base import Denoiser
from semrestore.denoisers.noise_level import estimate_sigma
from semrestore.padding import reflect_pad
from semrestore.registry import MODELS

REFERENCES = 64
"""Reference patches of a row that are compared at once with what lies around them."""


@MODELS.register_module()
class MCWNNM(Denoiser):
    """Make groups of similar colour patches low-rank, each channel weighted by its own noise level.

    Sizes, passes, feedback and ADMM's steps are the authors' settings for Gaussian noise; ``num_similar`` (theirs is
    70), ``strength`` and ``residual_scale`` are set so that their published figures come out. With 70 they are
    surpassed (``docs/denoisers.md``).

    Args:
        patch_size: Side of a patch.
        stride: Distance between neighbouring reference patches.
        window: Similar patches are looked for up to so many pixels away.
        num_similar: Patches in a group at first; every further search takes ten fewer, since it finds them in a cleaner
            image.
        iterations: Passes over the image.
        search_every: Passes from one search to the next.
        feedback: Share of the removed residual that is given back before a pass (iterative regularisation, delta in the
            article).
        residual_scale: Before every pass but the first, sigma is taken as this many times
            ``sigma * sqrt(|1 - mean((noisy - current)^2 / sigma^2)|)``, with the mean over the reference patch.
        strength: ``C`` is so many times ``sqrt(n)``, the noise having standard deviation 1.
        rho: First penalty of ADMM, relative to the largest weight in W^T W: below 1 it need not converge, far above it
            is slow.
        rho_growth: Factor on the penalty from one step to the next (mu in the article).
        admm_steps: Steps of ADMM.
        estimation_scale: Where sigma is not given, it is estimated in the image reduced by this factor: 1 for white
            noise, 2 for the noise of camera photographs, which is correlated (see
            :func:`~semrestore.denoisers.noise_level.estimate_sigma`).
        estimation_factor: Factor on an estimated sigma; correlated noise takes more than its standard deviation to be
            removed.

    Shape:
        ``(N, 3, H, W)`` to ``(N, 3, H, W)``, any ``H, W >= 1``; an image smaller than a patch is padded by reflection.
        To estimate sigma it takes at least 16 times ``estimation_scale`` pixels on each side.
    """

    def __init__(
        self,
        patch_size: int = 6,
        stride: int = 5,
        window: int = 20,
        num_similar: int = 54,
        iterations: int = 6,
        search_every: int = 2,
        feedback: float = 0.1,
        residual_scale: float = 0.45,
        strength: float = 4 * 2**0.5,
        rho: float = 1.0,
        rho_growth: float = 1.001,
        admm_steps: int = 10,
        estimation_scale: int = 1,
        estimation_factor: float = 1.0,
    ) -> None:
        super().__init__()
        for name in (
            'patch_size',
            'stride',
            'window',
            'num_similar',
            'iterations',
            'search_every',
            'strength',
            'rho',
            'admm_steps',
        ):
            if locals()[name] <= 0:
                raise ValueError(f'{name} is {locals()[name]}; expected a positive number')
        self.patch_size = patch_size
        self.stride = stride
        self.window = window
        self.num_similar = num_similar
        self.iterations = iterations
        self.search_every = search_every
        self.feedback = feedback
        self.residual_scale = residual_scale
        self.strength = strength
        self.rho = rho
        self.rho_growth = rho_growth
        self.admm_steps = admm_steps
        self.estimation_scale = estimation_scale
        self.estimation_factor = estimation_factor

    @torch.no_grad()
    def forward(self, noisy: Tensor, sigma: float | Tensor | None = None) -> Tensor:
        """See :class:`~semrestore.denoisers.base.Denoiser`.

        ``sigma`` may also be given for each channel, as a tensor ``(N, 3)``. Where it is ``None``, it is estimated for
        each image and channel.
        """
        images = (noisy if noisy.dtype == torch.float64 else noisy.float()).contiguous()
        if sigma is None:
            levels = self.estimation_factor * estimate_sigma(images, self.estimation_scale)
        else:
            levels = torch.as_tensor(sigma, dtype=images.dtype, device=images.device)
            levels = levels.reshape(-1, levels.shape[-1] if levels.ndim == 2 else 1).expand(len(images), 3)
        # Without noise there is nothing to do.
        restored = [
            self._restore(image, level) if level.any() else image for image, level in zip(images, levels, strict=True)
        ]
        return torch.stack(restored).to(noisy)

    def _restore(self, noisy: Tensor, sigma: Tensor) -> Tensor:
        height, width = noisy.shape[-2:]
        noisy = reflect_pad(noisy[None], 0, max(0, self.patch_size - width), 0, max(0, self.patch_size - height))[0]
        level = sigma.square().mean().sqrt()  # of the three channels together
        ratio = (sigma / level).clamp_min(1e-2)  # a channel without noise cannot have infinite weight
        current, strips = noisy, []
        for iteration in range(self.iterations):
            if iteration:
                current = current + self.feedback * (noisy - current)
            if iteration % self.search_every == 0:
                similar = max(1, self.num_similar - 10 * (iteration // self.search_every))
                strips = [self._search(strip, similar) for strip in self._strips(current)]
            share = torch.ones_like(noisy[:1])  # the noise that remains in each patch
            if iteration:
                removed = ((noisy - current) / (ratio * level).view(3, 1, 1)).square().mean(0, keepdim=True)
                share = self.residual_scale * (1 - F.avg_pool2d(removed[None], self.patch_size, 1)[0]).abs().sqrt()
            current = self._restore_strips(current, strips, ratio, (share[0] * level).clamp_min(1e-4))
        return current[:, :height, :width]

    def _strips(self, image: Tensor) -> Iterator['Strip']:
        """Yield the parts of the image with one row of reference patches and the patches they are compared with."""
        last = image.shape[-2] - self.patch_size
        for row in self._references(last):
            top, bottom = max(0, row - self.window), min(last, row + self.window)
            yield Strip(image[:, top : bottom + self.patch_size], top, row)

    def _references(self, last: int) -> list[int]:
        return sorted({*range(0, last + 1, self.stride), last})

    def _search(self, strip: 'Strip', similar: int) -> 'Strip':
        """Find the patches most similar to each reference patch; indices are ``(references, similar)``."""
        patches = F.unfold(strip.image[None], self.patch_size)[0]
        rows, columns = (size - self.patch_size + 1 for size in strip.image.shape[-2:])
        centres = torch.tensor(self._references(columns - 1), device=patches.device)
        references = patches.view(-1, rows, columns)[:, strip.row - strip.top, centres]
        breadth = min(2 * self.window + 1, columns)
        left = (centres - self.window).clamp(0, columns - breadth)
        norms = patches.square().sum(0).view(rows, columns)
        patches = patches.view(-1, rows, columns)
        chosen = []
        for block in torch.arange(len(centres), device=left.device).split(REFERENCES):
            start, stop = int(left[block[0]]), int(left[block[-1]]) + breadth
            # |a - b|^2 = |a|^2 - 2 a.b + |b|^2, of which |a|^2 is the same for all patches b that a is compared with.
            products = references[:, block].T @ patches[:, :, start:stop].flatten(1)
            distances = norms[:, start:stop] - 2 * products.view(len(block), rows, stop - start)
            windows = left[block, None] + torch.arange(breadth, device=left.device)
            distances = distances.gather(2, (windows - start)[:, None].expand(-1, rows, -1))
            # The patch itself is always in: in a flat region with many equal patches it could be left out otherwise,
            # and a pixel would be uncovered.
            distances[torch.arange(len(block)), strip.row - strip.top, centres[block] - left[block]] = -torch.inf
            nearest = distances.flatten(1).topk(min(similar, rows * breadth), largest=False, sorted=False).indices
            chosen.append(nearest // breadth * columns + windows.gather(1, nearest % breadth))
        indices = torch.cat(chosen)
        return strip._replace(
            image=torch.empty(0),
            shape=(int(strip.image.shape[-2]), int(strip.image.shape[-1])),
            centres=centres,
            indices=indices,
        )

    def _restore_strips(self, image: Tensor, strips: list['Strip'], ratio: Tensor, levels: Tensor) -> Tensor:
        """Restore all groups, and average each pixel over the patches that contain it."""
        total, count = torch.zeros_like(image), torch.zeros_like(image[:1])
        for strip in strips:
            rows = slice(strip.top, strip.top + strip.shape[0])
            patches = F.unfold(image[None, :, rows], self.patch_size)[0].T
            groups = patches[strip.indices].transpose(1, 2)
            mean = groups.mean(2, keepdim=True)
            groups = self.low_rank(groups - mean, ratio, levels[strip.row, strip.centres].view(-1, 1, 1)) + mean
            chosen = strip.indices.flatten()
            summed = torch.zeros_like(patches).index_add_(0, chosen, groups.transpose(1, 2).flatten(0, 1))
            times = torch.bincount(chosen, minlength=len(patches)).to(image).expand(self.patch_size**2, -1)
            total[:, rows] += F.fold(summed.T[None], strip.shape, self.patch_size)[0]
            count[:, rows] += F.fold(times[None], strip.shape, self.patch_size)[0]
        return total / count

    def low_rank(self, groups: Tensor, ratio: Tensor, levels: Tensor) -> Tensor:
        """Minimise the objective for groups ``(G, 3 p^2, n)`` whose noise has the levels ``ratio * levels``."""
        constant = self.strength * groups.shape[2] ** 0.5
        groups = groups / levels
        if (ratio - 1).abs().max() < 1e-3:
            return shrink_singular_values(groups, constant) * levels
        data = ratio.square().reciprocal().repeat_interleave(self.patch_size**2).view(-1, 1)  # W^T W
        # Start from the closed form on channels scaled to equal noise, which is near the solution, and from the
        # matching multipliers.
        low_rank = shrink_singular_values(data.sqrt() * groups, constant) / data.sqrt()
        dual = data * (groups - low_rank)
        rho = self.rho * data.max()
        for _ in range(self.admm_steps):
            weighted = (data * groups + rho * low_rank - dual) / (data + rho)
            low_rank = shrink_singular_values(weighted + dual / rho, constant / rho)
            dual = dual + rho * (weighted - low_rank)
            rho = rho * self.rho_growth
        return low_rank * levels


class Strip(NamedTuple):
    """Hold a row of reference patches, the rows they are compared with, and the similar patches there."""

    image: Tensor
    top: int
    row: int
    shape: tuple[int, int] = (0, 0)
    centres: Tensor = torch.empty(0)
    indices: Tensor = torch.empty(0)


def shrink_singular_values(matrices: Tensor, constant: float | Tensor) -> Tensor:
    """Return the fixed point of reweighted nuclear norm minimisation.

    Singular value ``s`` becomes ``(s + sqrt(s^2 - 4 constant)) / 2``, or 0 where that is not real (Gu et al., IJCV
    2017, corollary 1, with a vanishing epsilon): large ones stay almost as they are.

    Args:
        matrices: Batch of shape ``(G, m, n)``.
        constant: Product of a singular value and its weight.

    >>> shrink_singular_values(torch.diag(torch.tensor([5.0, 4.0, 3.0]))[None], 4.0)[0].diagonal()
    tensor([4., 2., 0.])
    """
    # The eigenvectors of the small Gram matrix are the right singular vectors, at a third of the cost of a singular
    # value decomposition; the small singular values, for which this is inexact, become 0.
    squares, vectors = torch.linalg.eigh(matrices.mT @ matrices)
    values = squares.clamp_min(0).sqrt()
    discriminant = squares - 4 * constant
    kept = (values + discriminant.clamp_min(0).sqrt()) / (2 * values)
    factors = torch.where(discriminant >= 0, kept, 0)
    return matrices @ (vectors * factors.unsqueeze(1) @ vectors.mT)

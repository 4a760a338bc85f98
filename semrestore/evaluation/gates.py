"""Decide for each image whether to use the restored version or the original."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from semrestore.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor

    from semrestore.evaluation.matrix import Cell

__all__ = ['Gate', 'gated', 'noise_levels', 'parse_gate', 'parse_gates']


@dataclass(frozen=True)
class Gate:
    """Choose between the restored image and the original.

    Args:
        kind: ``'noise'`` restores images whose estimated noise
            (:func:`~semrestore.denoisers.noise_level.noise_level`) is at least ``threshold`` on
            0..255. ``'confidence'`` asks the network about both versions, and takes the restored one if its first
            guess is more probable by more than ``threshold``.
        threshold: As above.
    """

    kind: Literal['noise', 'confidence']
    threshold: float = 0.0

    def __str__(self) -> str:
        return f'{self.kind}:{self.threshold:g}'

    def restores(self, noisy: dict, restored: dict) -> bool:
        """Return whether to use the restored image, from the matrix's rows of both versions.

        Raises:
            UserError: A row does not say what the rule needs.
        """
        if self.kind == 'noise':
            if 'noise' not in noisy:
                raise UserError(
                    "the stored rows of 'noisy' have no noise estimate, because an earlier version wrote them."
                    ' Delete them from the folder cells'
                )
            return noisy['noise'] is None or noisy['noise'] >= self.threshold  # None: too small to estimate
        if 'confidence' not in noisy or 'confidence' not in restored:
            raise UserError(
                "the gate 'confidence' needs stored rows with a classifier's confidence, and these have none. If"
                ' an earlier version wrote them, delete them from the folder cells'
            )
        sure, surer = noisy['confidence'], restored['confidence']
        if sure is None or surer is None:
            raise UserError(
                f"the gate 'confidence' cannot judge '{noisy.get('image')}': the network's scores are not finite"
                ' numbers'
            )
        return surer > sure + self.threshold


def parse_gate(text: str, option: str) -> Gate:
    """Parse ``noise:SIGMA``, ``confidence`` or ``confidence:MARGIN``.

    Raises:
        UserError: The text is not a gate. The message names ``option``.

    >>> parse_gate('noise:5', 'gate'), str(parse_gate('confidence', 'gate'))
    (Gate(kind='noise', threshold=5.0), 'confidence:0')
    """
    kind, _, number = text.partition(':')
    try:
        threshold = float(number or ('nan' if kind == 'noise' else '0'))
    except ValueError:
        threshold = math.nan
    if kind == 'noise' and 0 <= threshold <= 255:
        return Gate('noise', threshold)
    if kind == 'confidence' and -1 <= threshold <= 1:
        return Gate('confidence', threshold)
    raise UserError(
        f"{option}: '{text}' is not a gate; expected noise:SIGMA with a level on 0..255, or confidence:MARGIN"
        ' with a difference of probabilities'
    )


def parse_gates(texts: Sequence[str], names: Sequence[str], option: str) -> list[tuple[str, Gate]]:
    """Parse ``METHOD=GATE`` texts, for methods that include ``noisy``.

    Raises:
        UserError: One does not fit; the message names ``option``.
    """
    found = []
    for text in texts:
        name, _, rule = text.partition('=')
        if name not in names or name in ('noisy', 'clean'):
            known = ', '.join(one for one in names if one not in ('noisy', 'clean'))
            raise UserError(
                f"{option}: '{text}' cannot be read; expected METHOD=GATE with one of the denoisers: {known or 'none'}"
            )
        if 'noisy' not in names:
            raise UserError(
                f"{option}: a gate chooses between a method and 'noisy', which is missing. Add noisy to --denoisers"
            )
        found.append((name, parse_gate(rule, option)))
    return found


def gated(cells: Sequence['Cell'], gates: Sequence[tuple[str, Gate]]) -> list['Cell']:
    """Return the cells of methods behind gates, from the cells of the methods and of ``noisy``.

    No image is restored again: each row is that of the noisy or of the restored image, as the gate chooses.
    """
    found = {(cell.task, cell.method, cell.sigma): cell for cell in cells}
    results = []
    for name, gate in gates:
        for (task, method, sigma), cell in found.items():
            noisy = found.get((task, 'noisy', sigma))
            if method != name or noisy is None:
                continue
            shared = set(cell.indices) & set(noisy.indices)
            noisy, own = noisy.only(shared), cell.only(shared)
            rows = [
                after if gate.restores(before, after) else before
                for before, after in zip(noisy.rows, own.rows, strict=True)
            ]
            used = sum(row is after for row, after in zip(rows, own.rows, strict=True))
            origin = own.origin | dict(gate=str(gate), restored=used)
            results.append(replace(own, method=f'{name}+{gate}', rows=rows, origin=origin))
    return results


def noise_levels(images: 'Tensor') -> 'Tensor | None':
    """Return the estimated noise of each image of a batch on 0..255; ``None`` if the images are too small."""
    from semrestore.denoisers.noise_level import SMALLEST, noise_level

    if min(images.shape[-2:]) < SMALLEST:
        return None
    return noise_level(images)

"""What the commands share that run many denoisers over many images: how a denoiser is named, and rows that survive an interruption."""

import copy
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path

from semrestore.commands.common import has_weights, load_quietly
from semrestore.errors import UserError, near
from semrestore.files import replacing

LEFT_ALONE = ('noisy', 'clean')


@dataclass(frozen=True)
class Method:
    """A denoiser, as the command line names it."""

    name: str
    config: str | None = None  # of the denoiser, where the command has none of its own
    kind: str | None = None  # class of a denoiser without arguments
    checkpoint: str | None = None

    def at(self, sigma: float | str | None) -> str | None:
        """Return the file of the checkpoint for a noise level; none for clean images, which no denoiser touches."""
        from semrestore.zoo import resolve

        named = self.named(sigma)
        return named and resolve(named)

    def named(self, sigma: float | str | None) -> str | None:
        """Return the checkpoint for a noise level, or for another noise by its name, as it was given: a file, or ``zoo:NAME``."""
        from semrestore.evaluation.matrix import noise_name

        return None if sigma is None or not self.checkpoint else self.checkpoint.replace('{sigma}', noise_name(sigma))

    def denoiser(self, default: dict) -> dict:
        """Return the config of the denoiser; ``default`` where the command line names none."""
        if self.kind:
            return dict(type=self.kind)
        return copy.deepcopy(dict(load_quietly(self.config).model.denoiser)) if self.config else dict(default)


def parse_method(text: str, option: str) -> Method:
    """Parse ``noisy``, ``clean``, ``KIND``, ``NAME=CHECKPOINT``, ``NAME=CONFIG:CHECKPOINT`` or ``NAME=CONFIG``."""
    name, separator, source = text.partition('=')
    if not separator:
        return Method(text, kind='Identity' if text in LEFT_ALONE else _without_weights(text, option))
    if not name or not source:
        raise UserError(f"{option}: '{text}' is not NAME=CHECKPOINT")
    if name in LEFT_ALONE:
        raise UserError(f"{option}: '{name}' is what the images themselves are called; choose another name")
    config, separator, checkpoint = source.partition('.py:')
    if separator:
        return Method(name, config=f'{config}.py', checkpoint=checkpoint)
    return Method(name, config=source) if source.endswith('.py') else Method(name, checkpoint=source)


def _without_weights(text: str, option: str) -> str:
    from semrestore import denoisers
    from semrestore.plugins import load_plugins
    from semrestore.registry import MODELS

    load_plugins()
    classes = {kind: built for kind, built in MODELS.module_dict.items() if isinstance(built, type)}
    known = {kind.lower(): kind for kind, built in classes.items() if issubclass(built, denoisers.Denoiser)}
    if text.lower() not in known:
        hint = near(text.lower(), [*known, *LEFT_ALONE])
        raise UserError(f"{option}: there is no denoiser '{text}'.{hint} One with weights is NAME=CHECKPOINT")
    kind = known[text.lower()]
    if has_weights(dict(type=kind)):
        raise UserError(f'{option}: {kind} needs weights: NAME=CHECKPOINT, or NAME=CONFIG:CHECKPOINT')
    return kind


def check_sources(methods: Sequence[Method], sigmas: Sequence[float | str]) -> None:
    """Refuse a config that has no denoiser, or one that lacks its weights, before anything is run."""
    from semrestore.evaluation.matrix import noise_name

    for method in methods:
        if method.config:
            denoiser = load_quietly(method.config).model.get('denoiser')
            if not denoiser:
                raise UserError(f"config '{method.config}' of '{method.name}' has no denoiser")
            if not method.checkpoint and has_weights(denoiser):
                raise UserError(f"the denoiser of '{method.config}' needs weights: {method.name}={method.config}:CHECKPOINT")
        for sigma in sigmas if method.checkpoint else ():
            if not Path(method.at(sigma)).is_file():
                raise UserError(f"the checkpoint of '{method.name}' at sigma {noise_name(sigma)}, '{method.at(sigma)}', does not exist")


def parse_limits(texts: Sequence[str], names: Sequence[str]) -> dict[str, int]:
    """Parse ``NAME=N`` for each of the methods that are to run on a part of the images."""
    limits = {}
    for text in texts:
        name, _, count = text.partition('=')
        if name not in names or not count.isdecimal() or int(count) < 1:
            raise UserError(f"--limit: '{text}' is not DENOISER=N with one of {', '.join(names)} and a count of at least 1")
        limits[name] = int(count)
    return limits


def evenly(count: int, limit: int | None) -> list[int]:
    """Return the indices of at most ``limit`` of ``count`` images, evenly spread.

    >>> evenly(10, 4)
    [0, 2, 5, 7]
    """
    limit = min(limit or count, count)
    return [int(index * count / limit) for index in range(limit)]


class Rows:
    """The rows of one cell in a file, one line an image behind a line of origin, so that an interrupted cell goes on where it stopped.

    Args:
        path: The file; rows of another origin that it holds are put aside.
        origin: What the rows depend on, with their number as ``images``.
    """

    def __init__(self, path: Path, origin: dict) -> None:
        self.path = path
        self.origin = origin
        self.rows: list[dict] = []
        self.complete = False
        lines = self._read()
        if lines and lines[0] == origin:
            self.complete = len(lines) == origin['images'] + 1
            self.rows = lines[1:]
        if self.complete:
            return
        with replacing(path) as partial:  # without what a killed run may have left of its last line
            partial.write_text(''.join(f'{json.dumps(line)}\n' for line in [origin, *self.rows]), encoding='utf-8')
            if lines and lines[0] != origin:
                os.replace(path, _unused(path.with_suffix('.old')))  # hours of work, perhaps, and a slip in the command

    def add(self, row: dict) -> None:
        """Append what the next image scored."""
        self.rows.append(row)
        with open(self.path, 'a', encoding='utf-8') as file:
            file.write(f'{json.dumps(row)}\n')

    def _read(self) -> list[dict]:
        lines: list[dict] = []
        if self.path.is_file():
            for text in self.path.read_text(encoding='utf-8', errors='replace').splitlines():
                try:
                    line = json.loads(text)
                except (ValueError, RecursionError):
                    break
                if not isinstance(line, dict) or (lines and not _is_row(line)):
                    break
                if not lines or line != lines[-1]:  # two runs at once write each row twice; clean images far apart may score alike
                    lines.append(line)
        return lines[: 1 + self.origin['images']]


def _unused(path: Path) -> Path:
    names = chain([path], (path.with_suffix(f'.old{number}') for number in count(2)))
    return next(one for one in names if not one.exists())


def _is_row(line: dict) -> bool:
    psnr = line.get('psnr', '')
    return isinstance(line.get('image'), str) and isinstance(psnr, int | float | None) and psnr == psnr  # not NaN


def predictions(cascade, dataset, indices: Sequence[int], label: str, done: int = 0, **loader) -> Iterator:
    """Yield the cascade's predictions on some images of a data set, with a bar on standard error.

    Args:
        cascade: In eval mode.
        dataset: Clean images.
        indices: Which of them.
        label: What the bar is called.
        done: How many of them are there already.
        **loader: Arguments of the data loader.
    """
    from mmengine.dataset import pseudo_collate
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
    from torch.utils.data import DataLoader, Subset

    columns = TextColumn('{task.description}', markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    width = max(shutil.get_terminal_size().columns, 80)
    with Progress(*columns, console=Console(stderr=True, width=width)) as progress:
        bar = progress.add_task(label, total=len(indices), completed=done)
        for batch in DataLoader(Subset(dataset, indices[done:]), collate_fn=pseudo_collate, **loader):
            for sample in cascade.test_step(batch):
                yield sample
                progress.advance(bar)

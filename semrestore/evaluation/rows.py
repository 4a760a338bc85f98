"""Store what each image scored, in files that survive an interruption."""

import json
import os
from collections.abc import Sequence
from itertools import chain, count
from pathlib import Path

from semrestore.files import replacing

__all__ = ['Rows', 'evenly']

NUMBER = '#'
"""Key of a row's number in its file; a name that no score gives to a value of its own."""


def evenly(count: int, limit: int | None) -> list[int]:
    """Return the indices of at most ``limit`` of ``count`` images, evenly spread.

    >>> evenly(10, 4)
    [0, 2, 5, 7]
    """
    limit = min(limit or count, count)
    return [int(index * count / limit) for index in range(limit)]


class Rows:
    """Store the rows of one cell in a file: a line with what they depend on, then one line an image.

    An interrupted cell continues at the image where it stopped.

    Args:
        path: The file; rows of another origin that it holds are put aside.
        origin: What the rows depend on, with their number as ``images``.
    """

    def __init__(self, path: Path, origin: dict) -> None:
        self.path = path
        # As it is read back: JSON has lists where a config has tuples.
        self.origin = origin = json.loads(json.dumps(origin))
        self.rows: list[dict] = []
        self.complete = False
        lines = self._read()
        if lines and lines[0] == origin:
            self.complete = len(lines) == origin['images'] + 1
            self.rows = lines[1:]
        if self.complete:
            return
        with replacing(path) as partial:  # without the partial last line of a killed run
            text = ''.join(f'{json.dumps(line)}\n' for line in [origin, *map(_numbered, count(), self.rows)])
            partial.write_text(text, encoding='utf-8')
            if lines and lines[0] != origin:  # kept, because it may be hours of work and the change a slip
                os.replace(path, _unused(path.with_suffix('.old')))

    def add(self, row: dict) -> None:
        """Append what the next image scored."""
        line = json.dumps(_numbered(len(self.rows), row))
        self.rows.append(row)
        with open(self.path, 'a', encoding='utf-8') as file:
            file.write(f'{line}\n')

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
                # Two runs at once write each row twice.
                if not lines or line.pop(NUMBER, len(lines) - 1) == len(lines) - 1:
                    lines.append(line)
        return lines[: 1 + self.origin['images']]


def _unused(path: Path) -> Path:
    names: Sequence[Path] | chain = chain([path], (path.with_suffix(f'.old{number}') for number in count(2)))
    return next(one for one in names if not one.exists())


def _numbered(number: int, row: dict) -> dict:
    return {NUMBER: number, **row}


def _is_row(line: dict) -> bool:
    psnr = line.get('psnr', '')
    return isinstance(line.get('image'), str) and isinstance(psnr, int | float | None) and psnr == psnr  # not NaN

"""Which files a user means, and where their results go."""

import glob
import re
from collections.abc import Iterator, Sequence
from fnmatch import fnmatch
from functools import partial
from pathlib import Path

from semrestore.errors import UserError
from semrestore.inference.pictures import VIDEOS, Picture, is_animated, is_readable

__all__ = ['find', 'frame_path', 'targets']


def find(inputs: Sequence[str | Path]) -> Iterator[tuple[Path, Path]]:
    """Yield every image and video of files, folders and globs, each with its path below what was given.

    Raises:
        UserError: One does not exist, or has no images.
    """
    for given in inputs:
        path = Path(given)
        if not str(given):
            raise UserError("an input is '', the empty text; expected a file, a folder or a glob")
        if path.is_dir():
            found = sorted(one for one in path.rglob('*') if is_readable(one) and one.is_file())
            if not found:
                raise UserError(f"folder '{path}' has no images or videos")
            yield from ((one, one.relative_to(path)) for one in found)
        elif path.exists():
            yield path, Path(path.name)
        else:
            matches = _matches(path) if glob.has_magic(str(given)) else []
            if not matches:
                raise UserError(f"'{given}' does not exist" + (' or matches nothing' if glob.has_magic(str(given)) else ''))
            yield from ((match, Path(match.name)) for match in matches if match.is_file())


def _matches(pattern: Path) -> list[Path]:
    """Return what :func:`glob.glob` would find, which links lead around in circles at ``**``."""
    parts = [part if part == '**' else re.sub(r'\*+', '*', part) for part in pattern.relative_to(pattern.anchor).parts]
    if parts[-1] == '**':  # which finds folders alone before Python 3.13
        parts.append('*')
    try:
        found = Path(pattern.anchor).glob('/'.join(parts))
        asked = [part for part in pattern.parts if part.startswith('.')]
        return sorted(one for one in found if all(any(map(partial(fnmatch, part), asked)) for part in one.parts if part.startswith('.')))
    except ValueError as error:
        raise UserError(f"'{pattern}' is no pattern: {error}") from None


def targets(
    inputs: Sequence[str | Path], out: Path, overwrite: bool = False, overwrite_inputs: bool = False
) -> Iterator[tuple[Path, Path]]:
    """Yield each file of the inputs, and where it goes: a PNG of the same name, for a video a folder of them.

    What an earlier run put into a folder inside an input is no input.

    Raises:
        UserError: Two go to one place, one would replace an input, or a target exists.
    """
    found = []
    for given in inputs:
        inside = Path(given).is_dir() and Path(given).resolve() in out.resolve().parents
        found += [(source, below) for source, below in find([given]) if not (inside and out.resolve() in source.resolve().parents)]
    sources = {source.resolve() for source, _ in found}
    planned = [(source, out / below.with_suffix('' if source.suffix.lower() in VIDEOS else '.png')) for source, below in found]
    _check_frames(planned)
    seen: dict[Path, Path] = {}
    for source, target in planned:
        place = target.resolve()
        if place in seen or (place in sources and not overwrite_inputs):
            raise UserError(f"'{seen.get(place, place)}' would be overwritten by '{target}', made from '{source}'; choose another --out")
        if target.exists() and not overwrite and place not in sources:
            raise UserError(f"'{target}' exists; choose another --out, or set --overwrite")
        frames = _frames(place)
        if frames.is_dir() and is_animated(source):
            if not overwrite_inputs and any(frames in one.parents for one in sources):
                raise UserError(f"the frames of '{source}' would go to '{frames}', which holds other inputs; choose another --out")
            if not overwrite and any(frames.iterdir()):
                raise UserError(f"'{frames}' has files; choose another --out, or set --overwrite")
        seen[place] = source
        yield source, target


def frame_path(target: Path, picture: Picture) -> Path:
    """Return where a picture goes: the target, or for a frame a numbered file in the folder of that name."""
    return target if picture.frame is None else _frames(target) / f'{picture.frame:06}.png'


def _frames(target: Path) -> Path:
    return target.with_suffix('') if target.suffix == '.png' else target  # a film's is the folder itself


def _check_frames(planned: Sequence[tuple[Path, Path]]) -> None:
    """Refuse films and animations whose frames would go to one folder, or among other results."""
    folders = {parent for _, target in planned for parent in target.resolve().parents}
    into: dict[Path, list[Path]] = {}
    for source, target in planned:
        into.setdefault(_frames(target.resolve()), []).append(source)
    for folder, those in into.items():
        if len(those) > 1 or folder in folders:  # which is rare, and whether an image is animated takes a look into it
            moving = [source for source in those if source.suffix.lower() in VIDEOS or is_animated(source)]
            if moving and (len(moving) > 1 or folder in folders):
                raise UserError(f"the frames of '{moving[0]}' would go to '{folder}', as would other results; rename it, or go one by one")

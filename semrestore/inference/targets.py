"""Choose where the results of files go."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from semrestore.errors import UserError
from semrestore.images import Picture, find
from semrestore.images.film import film_name, load_pyav
from semrestore.images.formats import VIDEOS
from semrestore.images.read import is_animated
from semrestore.inference.sharing import Share

__all__ = ['frame_path', 'targets']


def targets(
    inputs: Sequence[str | Path],
    out: Path,
    overwrite: bool = False,
    overwrite_inputs: bool = False,
    as_frames: bool = False,
    share: Share = Share(),  # noqa: B008 (a tuple)
) -> Iterator[tuple[Path, Path]]:
    """Yield each file of the inputs, and where it goes: a PNG of the same name, or for a film a film.

    With several processes, each yields its own ``share`` and ignores the results of the others.

    With ``as_frames`` a film goes to a folder of PNG files, as an animated image always does.

    Results of an earlier run inside an input folder are not inputs.

    Raises:
        UserError: Two go to one place, one would replace an input, a target exists, or a film cannot be written.
    """
    found = []
    for given in inputs:
        inside = Path(given).is_dir() and Path(given).resolve() in out.resolve().parents
        found += [
            (source, below)
            for source, below in find([given])
            if not (inside and out.resolve() in source.resolve().parents)
        ]
    sources = {source.resolve() for source, _ in found}
    planned = [(source, out / _result_of(below, as_frames)) for source, below in found]
    if films := [source for source, _ in planned if source.suffix.lower() in VIDEOS]:
        load_pyav(films[0])
    _check_frames(planned)
    seen: dict[Path, Path] = {}
    for number, (source, target) in enumerate(planned):
        place = target.resolve()
        if place in seen:
            more = len(planned) - len({target.resolve() for _, target in planned}) - 1
            others = f', and {more} more files have such names' if more else ''
            raise UserError(
                f"'{seen[place]}' and '{source}' would both become '{target}'{others}. Rename them, or run them one by"
                ' one into different folders'
            )
        if place in sources and not overwrite_inputs:
            raise UserError(
                f"'{place}' would be overwritten by '{target}', the result of '{source}'. Choose another --out"
            )
        seen[place] = source
        if not share.has(number):
            continue
        if target.exists() and not overwrite and place not in sources:
            raise UserError(f"'{target}' already exists. Choose another --out, or set --overwrite")
        frames = _frames(place)
        if frames.is_dir() and is_animated(source):
            if not overwrite_inputs and any(frames in one.parents for one in sources):
                raise UserError(
                    f"the frames of '{source}' would go to '{frames}', which holds other inputs. Choose another --out"
                )
            if not overwrite and any(frames.iterdir()):
                raise UserError(f"'{frames}' already holds files. Choose another --out, or set --overwrite")
        yield source, target


def frame_path(target: Path, picture: Picture) -> Path:
    """Return a picture's path: the target, or a numbered file in a folder for a frame."""
    if picture.frame is None or target.suffix in VIDEOS:
        return target
    return _frames(target) / f'{picture.frame:06}.png'


def _result_of(source: Path, as_frames: bool) -> Path:
    if source.suffix.lower() not in VIDEOS:
        return source.with_suffix('.png')
    return source.with_suffix('') if as_frames else film_name(source)


def _frames(target: Path) -> Path:
    return target.with_suffix('') if target.suffix == '.png' else target  # a film, or the folder of its frames


def _check_frames(planned: Sequence[tuple[Path, Path]]) -> None:
    """Raise an error for films and animations whose frames would mix with other results."""
    folders = {parent for _, target in planned for parent in target.resolve().parents}
    into: dict[Path, list[Path]] = {}
    for source, target in planned:
        into.setdefault(_frames(target.resolve()), []).append(source)
    for folder, those in into.items():
        if len(those) > 1 or folder in folders:  # only here, because testing for animation opens each image
            moving = [source for source in those if is_animated(source)]
            if moving and (len(moving) > 1 or folder in folders):
                raise UserError(
                    f"the frames of '{moving[0]}' would go to '{folder}', where other results go too. Rename it,"
                    ' or run the inputs one by one'
                )

"""Read the images of a study: one folder for each method, with the same names."""

import io
import threading
from collections.abc import Mapping
from pathlib import Path

from PIL import Image

from semrestore.errors import UserError
from semrestore.images import read_photo
from semrestore.images.listing import images_below

RECENT_BYTES = 2**27  # of PNGs that the next rater will ask for, too


class MethodFolders:
    """Hold each method's images, by method and by the path in its folder without suffix.

    Args:
        folders: Folder by method, two methods or more.

    Raises:
        UserError: A folder is missing or empty, one lacks an image that another has, or two sizes of an image differ.
    """

    def __init__(self, folders: Mapping[str, Path]) -> None:
        if len(folders) < 2:
            raise UserError(f'--methods has {len(folders)} methods; expected two or more')
        self.paths = {method: _images(folder) for method, folder in folders.items()}
        self.methods = list(folders)
        everything = sorted({name for found in self.paths.values() for name in found})
        for method, found in self.paths.items():
            missing = [name for name in everything if name not in found]
            if missing:
                more = f' and {len(missing) - 1} more' if len(missing) > 1 else ''
                raise UserError(
                    f"method '{method}' has no image '{missing[0]}'{more}, but other methods have. Put it into"
                    f" '{folders[method]}'"
                )
        self.names = everything
        self._one_at_a_time = threading.Lock()
        self._recent: dict[Path, bytes] = {}
        for name in everything:
            sizes = {method: _size(self.paths[method][name]) for method in self.methods}
            if len(set(sizes.values())) > 1:
                text = ', '.join(f'{method} {width} x {height}' for method, (width, height) in sizes.items())
                raise UserError(f"image '{name}' has different sizes: {text}; expected one size")

    def png(self, method: str, name: str) -> bytes:
        """Return an image as a PNG of pixels only, so that nothing else reveals the method."""
        path = self.paths[method][name]
        with self._one_at_a_time:  # raters at once ask for the same ones, and each takes several times its pixels
            image = self._recent.pop(path, None) or _encoded(path)
            self._recent[path] = image  # at the end: it is the latest
            while sum(map(len, self._recent.values())) > RECENT_BYTES:
                del self._recent[next(iter(self._recent))]
        return image


def _encoded(path: Path) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(read_photo(path)).save(stream, format='PNG', compress_level=3)
    return stream.getvalue()


def _images(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        raise UserError(f"folder '{folder}' does not exist")
    found: dict[str, Path] = {}
    for path in images_below(folder):
        name = path.relative_to(folder).with_suffix('').as_posix()
        if name in found:
            raise UserError(f"'{found[name]}' and '{path}' have the same name without suffix. Keep one of them")
        found[name] = path
    if not found:
        raise UserError(f"folder '{folder}' has no images")
    return found


def _size(path: Path) -> tuple[int, int]:
    height, width, _ = read_photo(path).shape
    return width, height

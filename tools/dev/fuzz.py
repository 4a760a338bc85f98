"""Fuzz the code that reads files of others, guided by coverage.

Name one of these targets:

  checkpoint  weights
  image       any photo
  denoiser    weights that say which network they belong to
  mat         a file of the Darmstadt Noise Dataset

A target must return a result or raise a UserError. Anything else is a find, and so are a hang of ten seconds and more
than 2 GB of memory. libFuzzer writes a find to crash-*; the tests have the finds so far.

Further arguments go to libFuzzer: its options, which begin with a dash, and folders with a corpus. Without a corpus the
program begins with a few good files. It needs atheris (pip install atheris).

Example:
  python -m tools.dev.fuzz checkpoint -max_total_time=600
"""

import contextlib
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

try:
    import atheris
except ImportError:
    sys.exit('tools/dev/fuzz.py needs atheris: pip install atheris')

import h5py
import numpy as np
import torch

with atheris.instrument_imports(include=['semrestore', 'PIL', 'projects']):
    from PIL import Image

    from projects.dnd.__main__ import DndImage, read_crops
    from semrestore.errors import UserError
    from semrestore.images import read_photo
    from semrestore.weights.build import build_denoiser
    from semrestore.weights.read import read_checkpoint, save_weights
    from semrestore.weights.record import denoiser_record

FOLDER = Path(tempfile.mkdtemp(prefix='semrestore-fuzz-'))
PHOTO = np.random.default_rng(0).integers(0, 255, (12, 9, 3), dtype=np.uint8)


def checkpoint(path: Path) -> None:
    """Weights."""
    assert isinstance(read_checkpoint(path), dict)


def image(path: Path) -> None:
    """A photo."""
    found = read_photo(str(path))
    assert found.shape[2:] == (3,)
    assert found.dtype == np.uint8


def denoiser(path: Path) -> None:
    """Weights that say which network they belong to."""
    build_denoiser(weights=path)


def mat(path: Path) -> None:
    """A file of the Darmstadt Noise Dataset."""
    crops = read_crops(DndImage('0001', path, np.array([[1, 1, 8, 6]]), np.array([0.1])))
    assert [crop.shape for crop in crops] == [(8, 6, 3)]


TARGETS: dict[str, Callable[[Path], None]] = dict(checkpoint=checkpoint, image=image, denoiser=denoiser, mat=mat)


def seeds(name: str) -> Path:
    """Write good files to begin with."""
    folder = FOLDER / 'seeds'
    folder.mkdir()
    if name == 'checkpoint':
        save_weights(dict(weight=torch.zeros(2, 3), bias=torch.zeros(2)), folder / 'a')
        torch.save(dict(state_dict=dict(a=torch.zeros(1))), folder / 'b', _use_new_zipfile_serialization=False)
    elif name == 'image':
        for form in ('PNG', 'JPEG', 'TIFF', 'WEBP', 'BMP', 'PPM', 'GIF'):
            Image.fromarray(PHOTO).save(folder / form, form)
    elif name == 'denoiser':
        small = dict(type='MultiScaleDenoiser', encoder_channels=4, decoder_channels=4)
        state = {f'denoiser.{key}': value for key, value in build_denoiser(small).state_dict().items()}
        for suffix in ('.pth', '.safetensors'):
            save_weights(state, folder / f'a{suffix}', denoiser_record(small))
    else:
        with h5py.File(folder / 'a', 'w') as file:
            file['InoisySRGB'] = PHOTO.T.astype(np.float32) / 255
    return folder


def main() -> None:
    """Fuzz the target that the command line names."""
    if sys.argv[1:2] in (['-h'], ['--help']):
        print(__doc__.strip())
        return
    if len(sys.argv) < 2 or sys.argv[1] not in TARGETS:
        sys.exit(f'{__doc__}\nname one of {", ".join(TARGETS)}')
    name, *rest = sys.argv[1:]
    corpus = [] if any(not option.startswith('-') for option in rest) else [str(seeds(name))]
    path = FOLDER / 'case'

    def once(data: bytes) -> None:
        path.write_bytes(data)
        with contextlib.suppress(UserError):
            TARGETS[name](path)

    atheris.Setup([sys.argv[0], '-timeout=10', '-rss_limit_mb=2048', '-max_len=8192', *rest, *corpus], once)
    atheris.Fuzz()


if __name__ == '__main__':
    main()

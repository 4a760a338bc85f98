"""Denoise the Darmstadt Noise Dataset (Plötz and Roth, CVPR 2017, sRGB) and write a submission for its server.

DND_2017 holds info.mat and images_srgb/0001.mat ... 0050.mat, as the benchmark publishes them, without ground truth.
The command denoises 20 crops of each image. DIR/0001.mat ... hold them in the form of the benchmark's own kit: a cell
array Idenoised of the crops, israw and eval_version. If the file of an image exists, the image is skipped.

Example:
  python -m projects.dnd DND_2017 --model zoo:multiscale-blind --out work_dirs/dnd
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from semrestore.cli.options import add_device, new_parser, sigma_or
from semrestore.cli.run import run
from semrestore.config.load import load_denoiser_config
from semrestore.errors import UserError
from semrestore.files import replacing

EVAL_VERSION = '1.0'
LARGEST, MOST_PIXELS = 4096, 2**25  # side of a crop, and all of an image's; the benchmark has 20 of 512


@dataclass(frozen=True)
class DndImage:
    """Hold one image of the benchmark.

    Args:
        name: Its file's name without suffix, such as ``'0001'``.
        path: Its file.
        boxes: Crops, ``(crops, 4)``: first row, first column, last row, last column, counted from 1.
        sigmas: The benchmark's estimate of each crop's noise on 0..1, ``(crops,)``.
    """

    name: str
    path: Path
    boxes: np.ndarray
    sigmas: np.ndarray


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = new_parser(__doc__)
    parser.add_argument('data', type=Path, metavar='DND_2017', help='folder of the benchmark')
    parser.add_argument(
        '--model', required=True, metavar='CKPT', help="weights: a file or zoo:NAME; 'none' for no weights"
    )
    parser.add_argument(
        '--config',
        metavar='CONFIG',
        help='config of the denoiser (default: what the file records)',
    )
    parser.add_argument('--out', type=Path, required=True, metavar='DIR', help='folder for the submission')
    parser.add_argument(
        '--sigma',
        type=sigma_or('auto', 'info'),
        metavar='S',
        help="noise level on 0..255 for methods that need it; 'auto' estimates it, 'info' takes the"
        " benchmark's estimate for each crop",
    )
    add_device(parser)
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run ``python -m projects.dnd``."""
    from scipy.io import savemat

    from semrestore.inference import DenoiseInferencer
    from semrestore.progress import ProgressBar

    options = parse(arguments)
    images = list(read_info(options.data))
    config = load_denoiser_config(options.config) if options.config else None
    inferencer = DenoiseInferencer(None if options.model == 'none' else options.model, config, options.device)
    with ProgressBar('DND', len(images)) as bar:
        for image in bar.track(images):
            target = options.out / f'{image.name}.mat'
            if target.is_file():
                continue
            crops = read_crops(image)
            denoised = np.empty(len(crops), dtype=object)
            for number, crop in enumerate(crops):
                sigma = 255 * float(image.sigmas[number]) if options.sigma == 'info' else options.sigma
                denoised[number] = np.clip(inferencer(crop, sigma=sigma), 0, 1)
            with replacing(target) as path:
                savemat(path, dict(Idenoised=denoised, israw=False, eval_version=EVAL_VERSION), appendmat=False)
    print(f'{options.out}: {len(images)} images; submit what is in this folder')


def read_info(folder: Path) -> Iterator[DndImage]:
    """Yield the images that ``info.mat`` lists.

    Raises:
        UserError: A file is missing, or not laid out as the benchmark's.
    """
    path = folder / 'info.mat'
    with _opened(path) as file:
        try:
            info = file['info']
            boxes, sigmas = (_small(info[name])[0] for name in ('boundingboxes', 'sigma_srgb'))
            listed = [
                (_small(file[box]).T.astype(int), _small(file[sigma]).astype(float).reshape(-1))
                for box, sigma in zip(boxes, sigmas, strict=True)
            ]
        except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
            raise UserError(
                f"'{path}' has another layout than the benchmark's; expected info.boundingboxes and"
                f' info.sigma_srgb, a cell an image: {error}'
            ) from None
    for number, (box, sigma) in enumerate(listed, 1):
        if not _are_boxes(box) or len(sigma) != len(box):
            raise UserError(
                f"'{path}': the boxes of image {number} are {box.shape} with {len(sigma)} sigmas; expected (crops, 4)"
                f' from 1 on, of at most {LARGEST} pixels a side and {MOST_PIXELS} in all'
            )
        image = folder / 'images_srgb' / f'{number:04}.mat'
        if not image.is_file():
            raise UserError(f"'{path}' lists {len(listed)} images, but '{image}' does not exist")
        yield DndImage(image.stem, image, box, sigma)


def _small(values) -> np.ndarray:
    if values.size > LARGEST:
        raise ValueError(f'there are {values.size} values; expected a few')
    return np.array(values)


def _are_boxes(box: np.ndarray) -> bool:
    if box.ndim != 2 or box.shape[1] != 4 or not len(box) or (box < 1).any():
        return False
    sides = box[:, 2:] - box[:, :2] + 1
    return bool((sides >= 1).all() and (sides <= LARGEST).all() and sides.prod(axis=1).sum() <= MOST_PIXELS)


def read_crops(image: DndImage) -> list[np.ndarray]:
    """Return an image's crops: RGB ``(H, W, 3)``, float32, 0..1.

    Raises:
        UserError: The file is not laid out as the benchmark's, or a box leaves the image.
    """
    with _opened(image.path) as file:
        own = isinstance(file.get('InoisySRGB', getlink=True), _h5py().HardLink)  # others lead to files elsewhere
        noisy = file['InoisySRGB'] if own else None
        if getattr(noisy, 'external', None) or getattr(noisy, 'is_virtual', False):
            noisy = None
        if getattr(noisy, 'ndim', 0) != 3 or noisy.shape[0] != 3 or noisy.dtype.kind not in 'fiu':
            raise UserError(f"'{image.path}' has no RGB image InoisySRGB; it holds {', '.join(file) or 'nothing'}")
        width, height = noisy.shape[1:]  # MATLAB's order comes out of HDF5 reversed
        if image.boxes[:, 2].max() > height or image.boxes[:, 3].max() > width:
            raise UserError(
                f"'{image.path}' is {height} x {width} pixels; expected it to contain the boxes of info.mat, up"
                f' to {image.boxes.max(axis=0).tolist()}'
            )
        crops = [
            np.array(noisy[:, left - 1 : right, top - 1 : bottom], np.float32).T.copy()
            for top, left, bottom, right in image.boxes.tolist()
        ]
    if not all(np.isfinite(crop).all() for crop in crops):
        raise UserError(f"'{image.path}' has values that are not finite numbers")
    return crops


def _h5py():
    try:
        import h5py
    except ImportError as error:
        raise UserError(f"h5py is not installed ({error}). Install it: pip install 'semrestore[convert]'") from None
    return h5py


@contextmanager
def _opened(path: Path) -> Iterator:
    """Open a MATLAB file, and turn errors of reading it into messages."""
    h5py = _h5py()
    if not path.is_file():
        raise UserError(
            f"'{path}' does not exist; expected the benchmark's folder, with info.mat and images_srgb/0001.mat and"
            ' so on'
        )
    try:
        with h5py.File(path) as file:
            yield file
    except (OSError, RuntimeError, ValueError, LookupError, TypeError, AttributeError, MemoryError) as error:
        raise UserError(f"'{path}' cannot be read: {error}; expected a MATLAB 7.3 file of the benchmark") from None


if __name__ == '__main__':
    sys.exit(run(main))

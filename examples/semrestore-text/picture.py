"""Draw what the network reads: noisy lines, restored by pixels, by recognition weights, and by the fitted denoiser."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch
from matplotlib.figure import Figure
from semrestore_text import TextRecognition
from semrestore_text.data import TEXTS, read_texts
from semrestore_text.scores import errors

import semrestore
from semrestore.degradations import GaussianNoise, image_generator

TITLES = ('noisy', 'restored for pixels', 'restored for recognition', 'fitted for reading', 'clean')


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the script."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog='example:\n  python picture.py --lines work/test/lines --fitted work/reader.safetensors',
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        '--lines',
        type=Path,
        required=True,
        metavar='DIR',
        help='folder of lines with their texts, which semrestore_text.pages wrote',
    )
    parser.add_argument('--fitted', required=True, metavar='FILE', help='denoiser that `semrestore fit` wrote')
    parser.add_argument(
        '--names',
        nargs='+',
        default=['0007', '0063'],
        metavar='NAME',
        help='lines to draw, by the names of their files without .png (default: 0007 0063)',
    )
    parser.add_argument('--sigma', type=float, default=50, help='noise level on 0..255 (default: 50)')
    parser.add_argument(
        '--out',
        type=Path,
        default=Path('reading.jpg'),
        metavar='FILE',
        help='picture to write (default: reading.jpg)',
    )
    options = parser.parse_args(arguments)
    texts, task, noise = read_texts(options.lines / TEXTS), TextRecognition(), GaussianNoise(sigma=options.sigma)
    denoisers = [semrestore.load_denoiser(name) for name in ('multiscale-blind', 'recognition-blind', options.fitted)]
    columns = []
    for name in options.names:
        photo = semrestore.read_photo(options.lines / f'{name}.png')
        clean = torch.from_numpy(photo.copy()).permute(2, 0, 1)[None] / 255
        with torch.no_grad():
            noisy = noise(clean, [image_generator(0, name)])[0]
            images = [noisy, *(denoiser(noisy) for denoiser in denoisers), clean]
            columns.append([(image[0], texts[name], task.read(image)[0][0]) for image in images])
    draw(columns, options.out)


def draw(columns: Sequence[Sequence[tuple[torch.Tensor, str, str]]], path: Path) -> None:
    """Write a picture: a column a line, each image with what was read in it."""
    figure = Figure(figsize=(4.0 * len(columns), 4.4), layout='constrained')
    grid = figure.subplots(len(TITLES), len(columns), squeeze=False)
    for axes, column in zip(grid.T, columns, strict=True):
        for axis, title, (image, truth, read) in zip(axes, TITLES, column, strict=True):
            axis.imshow(image.clamp(0, 1).permute(1, 2, 0).numpy(), interpolation='nearest')
            axis.set_xticks([])
            axis.set_yticks([])
            axis.spines[:].set_visible(False)
            (wrong, _), _ = errors(truth, read)
            count = 'no error' if not wrong else f'{wrong} error{"s" if wrong > 1 else ""}'
            axis.set_title(f'{title} ({count})', fontsize=9, loc='left', pad=2)
            shown = read.replace('$', r'\$')  # or matplotlib sets it as a formula
            axis.set_xlabel(shown, fontsize=10, family='monospace', color='#c04000' if wrong else '#00705a', loc='left')
    figure.savefig(path, dpi=95, pil_kwargs=dict(quality=75))


if __name__ == '__main__':
    main()

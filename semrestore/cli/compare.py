"""Draw methods side by side with a zoomed region, and write a page with a slider (paper, Figs. 4, 6 and 7).

With --sigma the images are clean and get that noise, the same for all methods. With --references or --as-they-are the
images are noisy. A method is one of

  noisy, clean           the noisy image, the clean image
  bm3d                   a method without weights, by the name of its class in any case
  FILE                   a denoiser by its weights, called by the file's name
  NAME=CHECKPOINT        a denoiser by its weights: a file or a published name
  NAME=CONFIG            the denoiser of a config, without weights
  NAME=CONFIG:CHECKPOINT the denoiser of a config, with weights

{sigma} in CHECKPOINT stands for the noise level.

Example:
  semrestore compare dog.jpg --methods noisy blind=multiscale-blind clean --sigma 30 --out work_dirs/compare
"""

import argparse
import re
from collections.abc import Sequence
from pathlib import Path

from semrestore.cli.options import add_device, add_dpi, count, new_parser, positive_sigma
from semrestore.errors import UserError, explained


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = new_parser(__doc__)
    parser.add_argument('images', nargs='+', metavar='IMAGE', help='image files, folders or globs')
    parser.add_argument('--methods', nargs='+', required=True, metavar='METHOD', help='columns (see above)')
    noise = parser.add_argument_group('noise (one of the first three is needed)')
    noise.add_argument('--sigma', type=positive_sigma, metavar='S', help='add noise of this level, on 0..255')
    noise.add_argument('--references', nargs='+', metavar='IMAGE', help='the clean partners of the images, in order')
    noise.add_argument('--as-they-are', action='store_true', help='the images are noisy and have no clean partners')
    noise.add_argument(
        '--seed', type=int, default=0, help="seed of --sigma's noise, with each image's name (default: 0)"
    )
    drawn = parser.add_argument_group('picture')
    drawn.add_argument('--task', metavar='CONFIG', help='show what the network of this config sees in each image')
    drawn.add_argument(
        '--region',
        type=_region,
        metavar='TOP,LEFT,SIDE',
        help='region to enlarge, in pixels (default: where the methods differ most)',
    )
    drawn.add_argument(
        '--region-side', type=count, default=96, metavar='PIXELS', help='side of the default region (default: 96)'
    )
    add_dpi(drawn)
    run = parser.add_argument_group('run and results')
    run.add_argument('--out', type=Path, required=True, metavar='DIR', help='folder for NAME.png and comparison.html')
    add_device(run)
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run ``semrestore compare``."""
    options = parse(arguments)
    if sum([options.sigma is not None, bool(options.references), options.as_they_are]) != 1:
        raise UserError(
            'the noise is not given; expected exactly one of --sigma (adds noise), --references (clean partners)'
            ' and --as-they-are'
        )

    from semrestore.config.libraries import config_path
    from semrestore.evaluation.methods import check_sources, check_unique, parse_method

    pairs = _pairs(options)
    if options.task:
        config_path(options.task)
    methods = [parse_method(text, '--methods') for text in options.methods]
    check_unique(methods, '--methods')
    if options.as_they_are and any(method.name == 'clean' for method in methods):
        raise UserError(
            "--methods has 'clean', but with --as-they-are there are no clean images. Leave out 'clean', or give"
            ' --references'
        )
    levelled = [method for method in methods if '{sigma}' not in (method.checkpoint or '') or options.sigma]
    check_sources(levelled, [options.sigma or 0])
    inputs = {path.resolve() for pair in pairs for path in pair if path}
    for image, _ in pairs:
        picture = options.out / f'{image.stem}.png'
        if picture.resolve() in inputs:
            raise UserError(f"'{picture}' is one of the inputs and would be overwritten. Choose another --out")
        if picture.exists() and not (options.out / 'comparison.html').exists():
            raise UserError(f"'{picture}' already exists and was not written by `compare`. Choose another --out.")
    _draw(options, methods, pairs)


def _region(text: str) -> tuple[int, int, int]:
    if not re.fullmatch(r'\d+,\d+,[1-9]\d*', text):
        raise argparse.ArgumentTypeError(
            f"'{text}' is not a region; expected TOP,LEFT,SIDE in pixels, such as 120,200,96"
        )
    top, left, side = map(int, text.split(','))
    return top, left, side


def _pairs(options: argparse.Namespace) -> list[tuple[Path, Path | None]]:
    """Return each image with its clean partner, if it has one."""
    from semrestore.images import find

    images = [path for path, _ in find(options.images)]
    stems = [path.stem for path in images]
    if len(set(stems)) < len(stems):
        twice = next(stem for stem in stems if stems.count(stem) > 1)
        raise UserError(f"two images are called '{twice}', but each picture needs its own name. Rename one of them")
    if not options.references:
        return [(path, None) for path in images]
    references = [path for path, _ in find(options.references)]
    if len(references) != len(images):
        raise UserError(
            f'there are {len(images)} images and {len(references)} --references; expected one reference for each'
            ' image, in order'
        )
    return list(zip(images, references, strict=True))


def _draw(options: argparse.Namespace, methods: Sequence, pairs: Sequence) -> None:
    from mmengine.device import get_device

    from semrestore.acceleration import InferenceDenoiser
    from semrestore.config import load_config
    from semrestore.files import filling
    from semrestore.progress import ProgressBar
    from semrestore.visualization.compare import Onlooker, choose_region, compare
    from semrestore.visualization.comparison import Comparison, save_comparison, save_page
    from semrestore.weights.build import THE_PAPERS

    device = options.device or get_device()
    sigma = options.sigma
    denoisers = {method.name: InferenceDenoiser(method.build(THE_PAPERS, sigma or 0)) for method in methods}
    with explained(f"--device '{device}' cannot be used"):
        denoisers = {name: denoiser.to(device) for name, denoiser in denoisers.items()}
    onlooker = Onlooker(load_config(options.task), device) if options.task else None
    title = 'Noisy photographs' if sigma is None else f'Gaussian noise of sigma {sigma:g}'
    pictures = [f'{image.stem}.png' for image, _ in pairs]
    print(f'comparing {", ".join(denoisers)} on {len(pairs)} images: {title.lower()}', flush=True)
    with filling(options.out) as folder, ProgressBar('comparing', len(pairs)) as bar:

        def drawn(image: Path, reference: Path | None) -> Comparison:
            comparison = compare(denoisers, image, reference, sigma, options.seed, onlooker, device)
            choose_region(comparison, options.region, options.region_side)
            save_comparison(comparison, folder / f'{image.stem}.png', options.dpi)
            return comparison

        # One at a time, because a photo by ten methods is a hundred megabytes.
        save_page((drawn(*pair) for pair in bar.track(pairs)), folder / 'comparison.html', title)
    print(f'results in {options.out}: {", ".join(pictures)}, comparison.html')

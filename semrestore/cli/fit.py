"""Train a denoiser for your own network on your own photos, without labels and without a config.

The training starts from the published weights. A tenth of the photos is held out. The table at the end compares the
noisy photos, the published denoisers and the new one on those. Besides FILE.safetensors the command writes three files:
FILE.py (the config that it ran), FILE.json (the figures) and FILE.png (examples).

Example:
  semrestore fit torchvision:mobilenet_v2 --photos photos/ --noise-like noisy/ --out denoiser.safetensors
"""

import argparse
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

from semrestore.cli.fitting import add_network_options, network_and_photos, noise_of, print_table
from semrestore.cli.options import count, new_parser, positive
from semrestore.errors import UserError
from semrestore.weights.zoo import resolve


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = new_parser(__doc__)
    add_network_options(parser)
    training = parser.add_argument_group('training')
    training.add_argument(
        '--start', metavar='CKPT', help='weights to start from (default: published ones for the noise)'
    )
    budget = training.add_mutually_exclusive_group()
    budget.add_argument('--minutes', type=positive, default=10, help='length of the training (default: 10)')
    budget.add_argument('--iterations', type=count, metavar='N', help='length of the training in steps')
    training.add_argument('--seed', type=int, default=0, help='seed of the training (default: 0)')
    results = parser.add_argument_group('results')
    results.add_argument('--out', type=Path, required=True, metavar='FILE', help='the new denoiser: FILE.safetensors')
    results.add_argument('--overwrite', action='store_true', help='replace these files if they exist')
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run ``semrestore fit``."""
    options = parse(arguments)
    if options.out.suffix != '.safetensors':
        raise UserError(f"--out is '{options.out}'; expected a name that ends in .safetensors")
    targets = [options.out.with_suffix(suffix) for suffix in ('.safetensors', '.py', '.json', '.png')]
    taken = [target for target in targets if target.exists()]
    if taken and not options.overwrite:
        raise UserError(f"'{taken[0]}' already exists. Choose another --out, or set --overwrite")
    if options.start:
        resolve(options.start)
    named, split = network_and_photos(options)
    noise, said = noise_of(options)

    from semrestore.files import write_text
    from semrestore.fitting import check, draw_examples, fit, published_for, save_fitted

    print(
        f'training on {len(split.train)} photos, {said}, for '
        + (f'{options.iterations} steps' if options.iterations else f'{options.minutes:g} minutes')
        + f', then comparing on {len(split.held_out)} photos held out. Results: {options.out}',
        flush=True,
    )
    published = published_for(noise)
    start = options.start or published[-1].partition('=')[2]
    with tempfile.TemporaryDirectory(prefix='semrestore-fit-') as folder:
        minutes = None if options.iterations else options.minutes
        cfg, checkpoint = fit(named, split, noise, Path(folder), start, minutes, options.iterations, options.seed)
        save_fitted(cfg, checkpoint, split, options.out)  # first, because a held-out photo may be damaged
        denoisers = ['noisy', *published, f'fitted={checkpoint}']
        records = check(named, split, noise, denoisers)
        draw_examples(named, split, noise, denoisers, options.out.with_suffix('.png'))
    document = dict(network=options.network, noise=noise, photos=len(split.train), iterations=cfg.train_cfg.max_iters)
    document['records'] = records
    write_text(options.out.with_suffix('.json'), json.dumps(document, indent=2) + '\n')
    print_table(records, f'{options.network}, {said}, {len(split.held_out)} photos held out')
    print(f'results: {", ".join(map(str, targets))}')
    print(f"in your program: semrestore.DenoiseBefore(network, '{options.out}', transforms=...)")

"""Measure how many photos a second a denoiser restores on this device, in float32, bfloat16 and float16.

The batch lies on the device, so the figures are those of the network alone, without reading and writing files. The
precisions take turns; a time is the median of the rounds. The difference is from the first precision, on photos with
noise of sigma 25.

Example:
  python -m benchmarks.throughput --batch 8 --size 512 768 --compile --out throughput.json
"""

import argparse
import statistics
import sys
import time

import torch
import torch.nn.functional as F

from benchmarks.measuring import machine, summary, write
from semrestore.acceleration import InferenceDenoiser
from semrestore.cli.options import new_parser
from semrestore.cli.run import run
from semrestore.datasets import EmbeddedPhotos
from semrestore.weights.build import load_denoiser

PRECISIONS = dict(float32=torch.float32, bfloat16=torch.bfloat16, float16=torch.float16)
SIGMA = 25
WARM_UP = 3


def main(arguments=None) -> None:
    """Run the benchmark."""
    parser = new_parser(__doc__)
    parser.add_argument(
        '--model', default='multiscale-blind', metavar='NAME', help='published weights (default: multiscale-blind)'
    )
    parser.add_argument('--batch', type=int, default=8, metavar='N', help='photos in a batch (default: 8)')
    parser.add_argument(
        '--size',
        nargs=2,
        type=int,
        default=(512, 768),
        metavar=('H', 'W'),
        help='height and width of the photos in pixels (default: 512 768)',
    )
    parser.add_argument(
        '--precisions',
        nargs='+',
        default=list(PRECISIONS),
        choices=PRECISIONS,
        help='precisions to time (default: all)',
    )
    parser.add_argument('--compile', action='store_true', help='also time each precision with torch.compile')
    parser.add_argument('--rounds', type=int, default=20, metavar='N', help='timed runs of each (default: 20)')
    parser.add_argument('--out', metavar='FILE', help='JSON file to write the figures to (default: none)')
    options = parser.parse_args(arguments)
    device = 'cuda' if torch.cuda.is_available() else 'cpu'
    images = noisy(options).to(device)
    denoiser = load_denoiser(options.model).to(device)
    runs = {
        (precision, compiled): InferenceDenoiser(denoiser, PRECISIONS[precision], compiled=compiled)
        for compiled in ([False, True] if options.compile else [False])
        for precision in options.precisions
    }
    seconds: dict[tuple, list[float]] = {key: [] for key in runs}
    restored = {}
    for number in range(WARM_UP + options.rounds):
        for key, step in runs.items():
            started = time.perf_counter()
            restored[key] = step(images)
            restored[key].sum().item()  # waits for the device
            if number >= WARM_UP:
                seconds[key].append(time.perf_counter() - started)
    reference = next(iter(runs))
    rows = []
    for key, values in seconds.items():
        row = dict(precision=key[0], compiled=key[1]) | summary(values)
        row['images_per_s'] = options.batch / row['median']
        row['speed'] = statistics.median(seconds[reference]) / row['median']
        row['difference'] = (restored[key] - restored[reference]).abs().max().item()
        rows.append(row)
    document = dict(
        machine=machine(device), model=options.model, batch=options.batch, size=list(options.size), rows=rows
    )
    print(table(document))
    write(options.out, document)


def noisy(options: argparse.Namespace) -> torch.Tensor:
    """Return a batch of embedded photos, resized, with noise."""
    photos = EmbeddedPhotos(pipeline=[dict(type='semrestore.LoadPhoto')])
    batch = []
    for number in range(options.batch):
        photo = torch.from_numpy(photos[number % len(photos)]['img']).permute(2, 0, 1)[None] / 255
        batch.append(F.interpolate(photo, size=tuple(options.size), mode='bilinear'))
    clean = torch.cat(batch)
    return clean + SIGMA / 255 * torch.randn(clean.shape, generator=torch.Generator().manual_seed(0))


def table(document: dict) -> str:
    """Return the figures as Markdown."""
    first = document['rows'][0]['precision']
    lines = [f'| precision | images/s | speed | largest difference from {first} |', '| --- | ---: | ---: | ---: |']
    for row in document['rows']:
        name = row['precision'] + (', compiled' if row['compiled'] else '')
        lines.append(f'| {name} | {row["images_per_s"]:.1f} | {row["speed"]:.2f} | {row["difference"]:.1e} |')
    return '\n'.join(lines)


if __name__ == '__main__':
    sys.exit(run(main))

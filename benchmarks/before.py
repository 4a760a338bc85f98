"""Measure what a denoiser in front of a network costs: one image at a time, without noise and file reading.

The ways to call a network take turns: alone, behind the default denoiser in float32, and behind it in bfloat16. A time
is the median of the rounds. The networks have random weights, which does not change their speed.

Example:
  python -m benchmarks.before --threads 1 --out results/benchmark/before.json
"""

import sys
import time

import torch
import torchvision

from benchmarks.measuring import machine, summary, write
from semrestore import DenoiseBefore
from semrestore.cli.options import new_parser
from semrestore.cli.run import run
from semrestore.markdown import markdown_table

NETWORKS = ('mobilenet_v2', 'resnet50', 'vit_b_16')
WAYS = {'alone': None, 'float32': torch.float32, 'bfloat16': torch.bfloat16}
"""Titles, with the dtype of the denoiser."""
NORMALISATION = dict(mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))
SIDE, WARM_UP = 224, 2


def main(arguments=None) -> None:
    """Run the benchmark."""
    parser = new_parser(__doc__)
    parser.add_argument('--rounds', type=int, default=11, metavar='N', help='timed runs of each (default: 11)')
    parser.add_argument('--threads', type=int, metavar='N', help="PyTorch's threads (default: its own choice)")
    parser.add_argument('--out', metavar='FILE', help='JSON file to write the figures to (default: none)')
    options = parser.parse_args(arguments)
    if options.threads:
        torch.set_num_threads(options.threads)
    device = 'cuda' if torch.cuda.is_available() else 'cpu'
    rows = []
    for name in NETWORKS:
        network = torchvision.models.get_model(name).eval().to(device)
        seconds = timed(network, options.rounds, device)
        rows.append(dict(network=name) | {way: summary(values) for way, values in seconds.items()})
    document = dict(machine=machine(device), side=SIDE, rows=rows)
    print(table(document))
    write(options.out, document)


@torch.no_grad()
def timed(network: torch.nn.Module, rounds: int, device: str) -> dict[str, list[float]]:
    """Return the seconds of each way."""
    calls = {
        way: network if dtype is None else DenoiseBefore(network, dtype=dtype, **NORMALISATION)
        for way, dtype in WAYS.items()
    }
    images = torch.randn(1, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0)).to(device)
    seconds: dict[str, list[float]] = {way: [] for way in WAYS}
    for number in range(WARM_UP + rounds):
        for way, call in calls.items():
            started = time.perf_counter()
            call(images).sum().item()  # waits for the device
            if number >= WARM_UP:
                seconds[way].append(time.perf_counter() - started)
    return seconds


def table(document: dict) -> str:
    """Return the figures as Markdown."""
    rows = []
    for row in document['rows']:
        times = [row[way]['median'] for way in WAYS]
        cells = [f'{1000 * value:.0f}' for value in times[:1]]
        cells += [f'{1000 * value:.0f} ({value / times[0]:.1f} x)' for value in times[1:]]
        rows.append([row['network'], *cells])
    heads = ['network', 'alone (ms)', 'behind the denoiser, float32 (ms)', 'bfloat16 (ms)']
    return f'{document["machine"]["processor"]}:\n\n{markdown_table(heads, rows, "l")}'


if __name__ == '__main__':
    sys.exit(run(main))

"""Time one training step of the paper's denoiser with each switch that makes it faster.

The switches take turns, so that a slow moment of the machine hits all of them. The speed-up is the median over the
turns. docs/performance.md has the figures.
"""

import argparse
import statistics
from collections.abc import Callable

import torch
from mmengine.model import ExponentialMovingAverage
from rich.console import Console
from rich.table import Table

from benchmarks.measuring import machine, times, write
from semrestore.denoisers import MultiScaleDenoiser
from semrestore.markdown import markdown_table

SHAPES = {
    '48 x 48, batch 32': (32, 3, 48, 48),
    '64 x 64, batch 16': (16, 3, 64, 64),
    '96 x 96, batch 8': (8, 3, 96, 96),
    '160 x 160, batch 4': (4, 3, 160, 160),
}
SWITCHES: dict[str, dict] = {
    'none (float32, contiguous)': dict(),
    '`--amp`': dict(bf16=True),
    '`model.channels_last=True`': dict(channels_last=True),
    'both': dict(channels_last=True, bf16=True),
    'and `optim_wrapper.optimizer.fused=True`': dict(channels_last=True, bf16=True, fused=True),
    'and `model.compile=True`': dict(channels_last=True, bf16=True, fused=True, compile=True),
}


def training_step(
    shape: tuple[int, ...], device: str, channels_last=False, bf16=False, fused=False, compile=False
) -> Callable[[], None]:
    """Return a function that runs one training step: forward, L1 loss, backward, AdamW."""
    torch.manual_seed(0)
    memory_format = torch.channels_last if channels_last else torch.contiguous_format
    denoiser = MultiScaleDenoiser().to(device, memory_format=memory_format)
    optimizer = torch.optim.AdamW(denoiser.parameters(), 1e-3, fused=fused)
    noisy, clean = (torch.rand(shape, device=device).contiguous(memory_format=memory_format) for _ in range(2))
    forward = torch.compile(denoiser, dynamic=False) if compile else denoiser

    def step() -> None:
        with torch.autocast(device, torch.bfloat16, enabled=bf16):
            loss = (forward(noisy) - clean).abs().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        loss.item()  # waits for the device

    return step


def compared(shape: tuple[int, ...], device: str, repeats: int) -> list[dict]:
    """Return the seconds of a step with each of ``SWITCHES``, which take turns."""
    torch.compiler.reset()  # it compiles a function only a few times
    steps = {name: training_step(shape, device, **switches) for name, switches in SWITCHES.items()}
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    for step in steps.values():
        times(step, 0, warm_up=3)
    for _ in range(repeats):
        for name, step in steps.items():
            seconds[name] += times(step, 1, warm_up=0)
    plain = next(iter(seconds.values()))
    pixels = shape[0] * shape[2] * shape[3]
    return [
        dict(
            switches=name,
            median=statistics.median(own),
            fastest=min(own),
            speedup=statistics.median(one / other for one, other in zip(plain, own, strict=True)),
            megapixels_a_second=pixels / statistics.median(own) / 1e6,
        )
        for name, own in seconds.items()
    ]


def average_time(device: str, repeats: int) -> float:
    """Return the median seconds of one update of the moving average."""
    denoiser = MultiScaleDenoiser().to(device)
    average = ExponentialMovingAverage(denoiser, 1e-3, update_buffers=True)

    def step() -> None:
        average.update_parameters(denoiser)
        average.module.tail.bias[0].item()  # waits for the device

    return statistics.median(times(step, repeats))


def table(document: dict) -> str:
    """Return the figures as Markdown."""
    name = document['machine']['processor'].split(',')[0]
    cells: dict[tuple, list[str]] = {}
    for row in document['rows']:
        key = (row['threads'], row['switches'])
        cells.setdefault(key, []).append(f'{row["median"]:.3f} ({row["speedup"]:.2f} x)')
    rows = [[*key, *values] for key, values in cells.items()]
    return f'{name}:\n\n{markdown_table(["threads", "options", *SHAPES], rows, "rlr")}'


def main() -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog='example:\n  python -m benchmarks.denoiser_step --threads 1 2 --out step.json',
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        '--device',
        default='cuda' if torch.cuda.is_available() else 'cpu',
        help='device, cpu or cuda (default: a GPU if there is one)',
    )
    parser.add_argument('--repeats', type=int, default=10, help='steps to time with each switch (default: 10)')
    parser.add_argument(
        '--threads',
        type=int,
        nargs='+',
        default=[torch.get_num_threads()],
        help="numbers of CPU threads to time in turn (default: PyTorch's own number)",
    )
    parser.add_argument('--out', metavar='FILE', help='JSON file to write the figures to (default: none)')
    options = parser.parse_args()
    average = average_time(options.device, 10 * options.repeats)
    rows: list[dict] = []
    for threads in options.threads:
        torch.set_num_threads(threads)
        for label, shape in SHAPES.items():
            rows += [
                dict(threads=threads, size=label, **row) for row in compared(shape, options.device, options.repeats)
            ]
            write(options.out, dict(machine=machine(options.device), rows=rows, moving_average_s=average))
    shown = Table(title=f'seconds a training step on {options.device}, median and fastest of {options.repeats}')
    for column in rows[0]:
        shown.add_column(column)
    for row in rows:
        shown.add_row(*(f'{value:.3f}' if isinstance(value, float) else str(value) for value in row.values()))
    Console().print(shown)
    print(f'moving average: {1e3 * average:.3f} ms an update')


if __name__ == '__main__':
    main()

"""Time one training step of the paper's denoiser with each switch that makes it faster, side by side in one run.

docs/performance.md has the figures.
"""

import argparse
import statistics

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


def step_times(
    shape: tuple[int, ...], device: str, repeats: int, channels_last=False, bf16=False, fused=False, compile=False
) -> list[float]:
    """Return the seconds of each of ``repeats`` steps: forward, L1 loss, backward, AdamW."""
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

    return times(step, repeats, warm_up=3)


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
    cells: dict[tuple, list[str]] = {}
    for row in document['rows']:
        key = (row['threads'], row['switches'])
        cells.setdefault(key, []).append(f'{row["median"]:.3f} ({row["speedup"]:.2f} x)')
    rows = [[*key, *values] for key, values in cells.items()]
    return markdown_table(['threads', 'options', *SHAPES], rows, 'rlr')


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
            baseline = None
            for name, switches in SWITCHES.items():
                seconds = step_times(shape, options.device, options.repeats, **switches)
                median = statistics.median(seconds)
                baseline = baseline or median
                row: dict = dict(threads=threads, size=label, switches=name, median=median, fastest=min(seconds))
                pixels = shape[0] * shape[2] * shape[3]
                rows.append(row | dict(speedup=baseline / median, megapixels_a_second=pixels / median / 1e6))
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

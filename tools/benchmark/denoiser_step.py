"""Time one training step of the paper's denoiser by memory format and precision, side by side in one run.

``python tools/benchmark/denoiser_step.py [--out FILE.json]``; the figures in ``docs/performance.md`` come from it.
"""

import argparse
import json
import platform
import statistics
import time

import torch
from rich.console import Console
from rich.table import Table

from semrestore.denoisers import MultiScaleDenoiser

SHAPES = {'48 x 48, batch 32': (32, 3, 48, 48), '160 x 160, batch 4': (4, 3, 160, 160)}


def step_times(shape: tuple[int, ...], channels_last: bool, bf16: bool, device: str, repeats: int, warm_up: int = 3) -> list[float]:
    """Return the seconds of each of ``repeats`` steps: forward, L1 loss, backward, AdamW."""
    torch.manual_seed(0)
    memory_format = torch.channels_last if channels_last else torch.contiguous_format
    denoiser = MultiScaleDenoiser().to(device, memory_format=memory_format)
    optimizer = torch.optim.AdamW(denoiser.parameters(), 1e-3)
    noisy, clean = (torch.rand(shape, device=device).contiguous(memory_format=memory_format) for _ in range(2))
    times = []
    for _ in range(warm_up + repeats):
        started = time.perf_counter()
        with torch.autocast(device, torch.bfloat16, enabled=bf16):
            loss = (denoiser(noisy) - clean).abs().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        loss.item()  # waits for the device
        times.append(time.perf_counter() - started)
    return times[warm_up:]


def main() -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--device', default='cuda' if torch.cuda.is_available() else 'cpu')
    parser.add_argument('--repeats', type=int, default=10)
    parser.add_argument('--out', help='write the figures to this JSON file')
    options = parser.parse_args()
    rows = []
    for label, shape in SHAPES.items():
        baseline = None
        for channels_last in (False, True):
            for bf16 in (False, True):
                times = step_times(shape, channels_last, bf16, options.device, options.repeats)
                median = statistics.median(times)
                baseline = baseline or median
                memory, precision = 'channels last' if channels_last else 'contiguous', 'bf16' if bf16 else 'float32'
                rows.append(
                    dict(size=label, memory=memory, precision=precision, median=median, fastest=min(times), speedup=baseline / median)
                )
    table = Table(title=f'seconds a training step on {options.device}, median and fastest of {options.repeats}')
    for column in rows[0]:
        table.add_column(column)
    for row in rows:
        table.add_row(*(f'{value:.3f}' if isinstance(value, float) else value for value in row.values()))
    Console().print(table)
    if options.out:
        device = torch.cuda.get_device_name() if options.device == 'cuda' else f'{platform.processor() or platform.machine()} CPU'
        record = dict(device=device, threads=torch.get_num_threads(), torch=torch.__version__, rows=rows)
        with open(options.out, 'w', encoding='utf-8') as file:
            json.dump(record, file, indent=2)


if __name__ == '__main__':
    main()

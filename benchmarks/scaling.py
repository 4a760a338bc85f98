"""Measure how training scales over 1, 2, ... processes under torchrun, with the same batch size in each.

On GPUs each process has one GPU to itself; on CPUs each has one thread. The runs take turns. Efficiency is the images a
second of N processes, divided by N times the images a second of one process. It comes from the seconds a step that the
training itself logs. The figures in brackets are those of the single rounds. Options that are not listed below go to
tools/train.py.

Example:
  python -m benchmarks.scaling configs/denoise/multiscale_sigma25_short.py --processes 1 2 --batch 16 --amp
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import torch

from benchmarks.measuring import machine, write
from semrestore.cli.options import new_parser
from semrestore.cli.run import run
from semrestore.errors import UserError

TRAIN = Path(__file__).parents[1] / 'tools/train.py'
WARM_UP = 3


def step_seconds(options: argparse.Namespace, rest: list[str], processes: int) -> float:
    """Train for some iterations and return the median seconds of one."""
    with tempfile.TemporaryDirectory() as folder:
        settings = dict(
            train_dataloader__batch_size=options.batch,
            train_cfg__max_iters=WARM_UP + options.iterations,
            train_cfg__val_begin=WARM_UP + options.iterations + 1,
            default_hooks__logger__interval=1,
            log_processor__window_size=1,
            default_hooks__checkpoint__interval=-1,
        )
        given = [f'{name.replace("__", ".")}={value}' for name, value in settings.items()]
        if '--cfg-options' in rest:
            at = rest.index('--cfg-options') + 1
            rest = [*rest[:at], *given, *rest[at:]]
        else:
            rest = [*rest, '--cfg-options', *given]
        launch = [sys.executable, '-m', 'torch.distributed.run', '--standalone', '--nproc-per-node', str(processes)]
        command = [*launch, str(TRAIN), options.config, '--work-dir', folder, '--launcher', 'pytorch', *rest]
        environment = os.environ | (dict() if torch.cuda.is_available() else dict(OMP_NUM_THREADS='1'))
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        if done.returncode:
            raise UserError(f'training on {processes} processes failed:\n{done.stderr[-2000:]}')
        lines = next(Path(folder).glob('*/vis_data/scalars.json')).read_text().splitlines()
    return statistics.median([json.loads(line)['time'] for line in lines][WARM_UP:])


def main(arguments=None) -> None:
    """Measure, print and write."""
    parser = new_parser(__doc__)
    parser.add_argument('config', metavar='CONFIG', help='config to train')
    most = torch.cuda.device_count() if torch.cuda.is_available() else 2
    parser.add_argument(
        '--processes',
        type=int,
        nargs='+',
        default=list(range(1, most + 1)),
        metavar='N',
        help='numbers of processes to compare (default: 1 to the number of GPUs; 1 2 on CPUs)',
    )
    parser.add_argument('--batch', type=int, default=16, metavar='N', help='batch size of each process (default: 16)')
    parser.add_argument(
        '--iterations', type=int, default=20, metavar='N', help='training steps to time in each run (default: 20)'
    )
    parser.add_argument('--rounds', type=int, default=3, metavar='N', help='runs of each number (default: 3)')
    parser.add_argument('--out', metavar='FILE', help='JSON file to write the figures to (default: none)')
    options, rest = parser.parse_known_args(arguments)
    device = 'cuda' if torch.cuda.is_available() else 'cpu'
    seconds: dict[int, list[float]] = {processes: [] for processes in options.processes}
    for _ in range(options.rounds):
        for processes, values in seconds.items():
            values.append(step_seconds(options, rest, processes))
    rows = []
    first = min(seconds)
    for processes, values in seconds.items():
        efficiencies = [one / many for one, many in zip(seconds[first], values, strict=True)]
        median = statistics.median(values)
        row = dict(processes=processes, seconds_a_step=median, fastest=min(values), slowest=max(values))
        row |= dict(
            images_per_s=processes * options.batch / median,
            efficiency=statistics.median(seconds[first]) / median,
            efficiencies=efficiencies,
        )
        rows.append(row)
        print(
            f'{processes} x batch {options.batch}: {median:.4f} s a step ({min(values):.4f} to {max(values):.4f}),'
            f' {row["images_per_s"]:.1f} images/s, efficiency {row["efficiency"]:.2f} ({min(efficiencies):.2f} to'
            f' {max(efficiencies):.2f})'
        )
    given = dict(
        config=options.config, batch=options.batch, iterations=options.iterations, rounds=options.rounds, rest=rest
    )
    write(options.out, dict(machine=machine(device), options=given, rows=rows))


if __name__ == '__main__':
    sys.exit(run(main))

"""Measure how long the command line takes: importing the package, the help of each command, and the first error.

    python -m benchmarks.startup [--rounds 7] [--out results/benchmark/startup.json]

Each is started in turn, round after round, and the median is shown. Aims: 0.2 s for ``import semrestore``, 0.5 s for
the list of commands, 1 s for the help of a command. ``python -c pass`` says how much of that is Python's own.
"""

import argparse
import statistics
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.measuring import machine, write
from semrestore.__main__ import COMMANDS

AIMS = {'python -c pass': None, 'import semrestore': 0.2, 'semrestore --help': 0.5}
AIMS |= {f'semrestore {command} --help': 1.0 for command in COMMANDS}


def main() -> None:
    """Time the starts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--rounds', type=int, default=7, help='how often each is started (default: 7)')
    parser.add_argument('--out', type=Path, help='JSON file to write')
    options = parser.parse_args()
    seconds: dict[str, list[float]] = {name: [] for name in AIMS}
    for _ in range(options.rounds):
        for name in AIMS:
            started = time.perf_counter()
            subprocess.run(command(name), check=True, stdout=subprocess.DEVNULL)
            seconds[name].append(time.perf_counter() - started)
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    print(f'{"":36} seconds  aim')
    for name, aim in AIMS.items():
        print(f'{name:36} {medians[name]:7.2f}  {"" if aim is None else aim}')
    write(options.out, dict(machine=machine('cpu'), rounds=options.rounds, seconds=medians))


def command(name: str) -> list[str]:
    """Return the command that starts one of them."""
    if name == 'python -c pass':
        return [sys.executable, '-c', 'pass']
    if name == 'import semrestore':
        return [sys.executable, '-c', name]
    return [sys.executable, '-m', *name.split()]


if __name__ == '__main__':
    main()

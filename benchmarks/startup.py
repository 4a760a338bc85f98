"""Measure how long the command line takes: importing the package, the help of each command, and the first error.

The commands are started in turn, round after round, and the table shows medians. Aims: 0.2 s for ``import semrestore``,
0.5 s for the list of commands, 1 s for the help of a command. ``python -c pass`` shows the time of Python itself.
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
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog='example:\n  python -m benchmarks.startup --out results/benchmark/startup.json',
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('--rounds', type=int, default=7, help='number of times each command is started (default: 7)')
    parser.add_argument('--out', type=Path, metavar='FILE', help='JSON file to write the figures to (default: none)')
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

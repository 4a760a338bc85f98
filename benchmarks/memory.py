"""Run a command, and record whether the memory of its processes grows (Linux only).

Every few seconds the program writes a row: the memory of the command and of all processes that it started, and the
number of these processes. Memory is the proportional set size, which counts shared pages once. Pages of files, mostly
libraries, are left out, because their share depends on what else runs on the machine.

At the end the program prints the slope of a line through all samples after the warm-up, and the mean of each half of
them. It exits with status 1 if the second mean exceeds the first one by more than --bound, or if the command fails.
After --hours it sends SIGTERM to the command; a training then saves its state and exits with status 75.
"""

import argparse
import csv
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

PREEMPTED = 75
MIB = 2**20


def main() -> None:
    """Watch a command."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog='example:\n  python -m benchmarks.memory --hours 2 --out results/endurance/training.csv --'
        ' python tools/train.py CONFIG',
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        '--out', type=Path, required=True, metavar='FILE', help='CSV file to write, with a row for each sample'
    )
    parser.add_argument(
        '--hours', type=float, help='stop the command after this many hours (default: let it run to its end)'
    )
    parser.add_argument('--interval', type=float, default=10, help='seconds between two samples (default: 10)')
    parser.add_argument(
        '--warm-up',
        type=float,
        default=0.25,
        help='part of the run to leave out at the beginning, from 0 to 1 (default: 0.25)',
    )
    parser.add_argument(
        '--bound',
        type=float,
        default=32,
        help='MiB by which the mean of the second half may exceed that of the first (default: 32)',
    )
    parser.add_argument('command', nargs='+', help='command to run, with its arguments, after --')
    options = parser.parse_args()
    options.out.parent.mkdir(parents=True, exist_ok=True)
    rows, status = watch(options)
    if status not in (0, PREEMPTED) or len(rows) < 8:
        sys.exit(f'the command ended with status {status} after {len(rows)} samples')
    seconds, memory = (np.array([row[column] for row in rows], float) for column in (0, 1))
    late = seconds >= options.warm_up * seconds[-1]
    seconds, memory = seconds[late], memory[late]
    halves = [part.mean() for part in np.array_split(memory, 2)]
    slope = np.polyfit(seconds / 3600, memory, 1)[0]
    print(
        f'{rows[-1][0] / 60:.0f} minutes, {len(rows)} samples; after the warm-up {memory.min():.0f} to'
        f' {memory.max():.0f} MiB, halves'
        f' {halves[0]:.0f} and {halves[1]:.0f} MiB, {slope:+.1f} MiB an hour; status {status}'
    )
    sys.exit(int(halves[1] - halves[0] > options.bound))


def watch(options: argparse.Namespace) -> tuple[list[tuple], int]:
    """Write and return the samples (seconds, MiB, processes), with the command's exit status."""
    rows: list[tuple] = []
    process = subprocess.Popen(options.command)
    start = time.monotonic()
    told = False
    with open(options.out, 'w', newline='', encoding='utf-8') as stream:
        writer = csv.writer(stream)
        writer.writerow(('seconds', 'mib', 'processes'))
        while True:
            try:
                return rows, process.wait(options.interval)
            except subprocess.TimeoutExpired:
                pass
            passed = time.monotonic() - start
            held = [size for size in map(proportional_set_size, family(process.pid)) if size]
            if held:
                rows.append((round(passed, 1), round(sum(held) / MIB, 1), len(held)))
                writer.writerow(rows[-1])
                stream.flush()
            if options.hours and passed > 3600 * options.hours and not told:
                process.send_signal(signal.SIGTERM)
                told = True


def family(pid: int) -> list[int]:
    """Return a process and all its descendants."""
    found = [pid]
    for one in found:  # which grows
        for task in Path(f'/proc/{one}/task').glob('*/children'):
            try:
                found += map(int, task.read_text().split())
            except OSError:  # gone meanwhile
                continue
    return found


def proportional_set_size(pid: int) -> int:
    """Return a process's share of the memory in bytes, without mapped files; 0 if it has ended."""
    try:
        lines = Path(f'/proc/{pid}/smaps_rollup').read_text().splitlines()
    except OSError:
        return 0
    sizes = {name: 1024 * int(rest.split()[0]) for name, _, rest in (line.partition(':') for line in lines[1:])}
    return sizes['Pss'] - sizes['Pss_File']


if __name__ == '__main__':
    main()

"""Run a command, and record whether the memory of its processes grows.

    python -m benchmarks.memory --hours 2 --out results/endurance/training.csv -- python tools/train.py CONFIG ...

Every few seconds a row: what the command and all that it started hold in memory (proportional set size: pages that are
shared are counted once; without those of files, libraries for the most part, whose share depends on what else runs on
the machine), and how many processes those are. At the end the slope of a line through what came after the warm-up, and
the means of the two halves of that; exit status 1 where the second half's is above the first one's by more than the
bound, or the command fails. After ``--hours`` the command is told to stop (SIGTERM), on which a training saves and
exits with status 75. Linux only.
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
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--out', type=Path, required=True, help='CSV with a row a sample')
    parser.add_argument('--hours', type=float, help='tell it to stop after this time')
    parser.add_argument('--interval', type=float, default=10, help='seconds between two samples (default: 10)')
    parser.add_argument(
        '--warm-up', type=float, default=0.25, help='part of the time that is not looked at (default: 0.25)'
    )
    parser.add_argument(
        '--bound', type=float, default=32, help='MiB that the second half may be above the first (default: 32)'
    )
    parser.add_argument('command', nargs='+')
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

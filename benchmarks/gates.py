r"""Choose the thresholds of gates on some photos, and measure on other photos what the gates save.

The program takes the thresholds with the best top-1 accuracy on the photos of --choose-on, as the mean over the
networks and the noise levels; 0 is the clean images. On the photos of --measure-on it compares each gate, image by
image, with the better of two choices: always restoring and never restoring. The aim is a gate that is never worse than
that by more than its interval.

Example:
  python -m benchmarks.gates --weights multiscale-blind recognition-blind --images 200 \
    --out results/benchmark/gates.json
"""

import argparse
import json
import statistics
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path

from semrestore.cli.options import new_parser
from semrestore.cli.run import run
from semrestore.markdown import markdown_table

CHOOSE_ON = 'configs/evaluation/unlabelled_recognition.py'
MEASURE_ON = [f'configs/evaluation/{name}_imagenet_samples.py' for name in ('efficientnet_lite0', 'mobilenetv2')]
GRID = dict(noise=[0.5 * step for step in range(81)], confidence=[0.02 * step for step in range(-20, 21)])
SIGMAS = (0, 5, 15, 30, 50)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark."""
    parser = new_parser(__doc__)
    parser.add_argument(
        '--weights',
        nargs='+',
        required=True,
        metavar='DENOISER',
        help='blind denoisers, by a published name or in the form that semrestore cross-task takes',
    )
    parser.add_argument(
        '--choose-on',
        nargs='+',
        default=[CHOOSE_ON],
        metavar='CONFIG',
        help=f'configs of tasks and photos to choose the thresholds on (default: {CHOOSE_ON})',
    )
    parser.add_argument(
        '--measure-on',
        nargs='+',
        default=MEASURE_ON,
        metavar='CONFIG',
        help=f'configs of other tasks and photos to measure on (default: {" ".join(MEASURE_ON)})',
    )
    parser.add_argument(
        '--sigma',
        nargs='+',
        type=float,
        default=SIGMAS,
        metavar='S',
        help=f'noise levels on 0..255 (default: {" ".join(map(str, SIGMAS))})',
    )
    parser.add_argument(
        '--images', type=int, metavar='N', help='number of images from each set, evenly spread (default: all)'
    )
    parser.add_argument(
        '--cells', type=Path, default=Path('work_dirs/gates'), metavar='DIR', help='folder for what each image scored'
    )
    parser.add_argument('--out', type=Path, required=True, metavar='FILE', help='JSON file for the result')
    options = parser.parse_args(arguments)

    from semrestore.evaluation.gates import Gate, gated
    from semrestore.evaluation.methods import Method, parse_method
    from semrestore.files import write_text

    restorers = [parse_method(f'{name}={name}' if '=' not in name else name, '--weights') for name in options.weights]
    methods = [Method('noisy', kind='Identity'), *restorers]
    chosen_on, measured_on = (
        _cells(configs, methods, options, folder)
        for configs, folder in ((options.choose_on, 'choose'), (options.measure_on, 'measure'))
    )
    gates = []
    for name in [method.name for method in restorers]:
        for kind, grid in GRID.items():
            found = {value: _mean(gated(chosen_on, [(name, Gate(kind, value))])) for value in grid}
            best = max(found.values())
            tied = [value for value, mean in found.items() if mean > best - 1e-9]
            gates.append((name, Gate(kind, statistics.median_low(tied))))
    document = dict(
        chosen_on=f'{len(chosen_on[0].rows)} photos',
        gates=[f'{name}+{gate}' for name, gate in gates],
        rows=rows(measured_on, gates),
    )
    write_text(options.out, json.dumps(document, indent=1) + '\n')
    print(table(document))


def _cells(configs: Sequence[str], methods: Sequence, options: argparse.Namespace, folder: str) -> list:
    import torch

    from semrestore.engine import bf16_is_fast
    from semrestore.evaluation.cross_task import gaussian_noises, run_cells, task_configs

    dtype = torch.bfloat16 if bf16_is_fast() else torch.float32
    tasks: dict = {}
    for path in configs:
        tasks |= task_configs(path)
    limits = {method.name: options.images for method in methods if options.images}
    return run_cells(tasks, methods, gaussian_noises(options.sigma), options.cells / folder, limits, dtype)


def _mean(cells: Sequence) -> float:
    return statistics.fmean(cell.value(cell.score.metrics[0]) for cell in cells)


def rows(cells: Sequence, gates: Sequence) -> list[dict]:
    """Return a dict for each task, noise and gate."""
    from semrestore.evaluation.gates import gated
    from semrestore.evaluation.matrix import compared
    from semrestore.evaluation.methods import noise_name

    found = {(cell.task, cell.method, cell.sigma): cell for cell in cells}
    result = []
    for name, gate in gates:
        for cell in gated(cells, [(name, gate)]):
            never, always = (found[cell.task, method, cell.sigma] for method in ('noisy', name))
            metric = cell.score.metrics[0]
            better = max(never, always, key=lambda one: one.value(metric))
            difference, low, high = compared(metric, cell, better)
            row = dict(task=cell.task, noise=noise_name(cell.sigma), denoiser=name, kind=gate.kind)
            row |= dict(images=len(cell.rows), restored=cell.origin['restored'])
            row |= dict(never=never.value(metric), always=always.value(metric), gated=cell.value(metric))
            row |= dict(difference=difference, low=low, high=high)
            result.append({key: round(value, 2) if isinstance(value, float) else value for key, value in row.items()})
    return result


def table(document: dict) -> str:
    """Return what main() found as Markdown: a row for each denoiser, task and noise, with the gates side by side."""
    rows = document['rows']
    kinds = list(dict.fromkeys(row['kind'] for row in rows))
    text = f'Thresholds, chosen on {document["chosen_on"]}: ' + ', '.join(f'`{gate}`' for gate in document['gates'])
    text += '. In brackets: the difference to the better of never and always, with its 95 % interval; and the share of'
    text += f' the {rows[0]["images"]} images that was restored. Noise 0 is clean photos.'
    lines = [textwrap.fill(text, 120, break_on_hyphens=False, break_long_words=False), '']
    cells = []
    for key in dict.fromkeys((row['denoiser'], row['task'], row['noise']) for row in rows):
        own = {row['kind']: row for row in rows if (row['denoiser'], row['task'], row['noise']) == key}
        first = next(iter(own.values()))
        cells.append([*key, *(f'{first[name]:.1f}' for name in ('never', 'always'))])
        for kind in kinds:
            row = own[kind]
            share = 100 * row['restored'] / row['images']
            cells[-1].append(
                f'{row["gated"]:.1f} ({row["difference"]:+.1f} [{row["low"]:+.1f}, {row["high"]:+.1f}]; {share:.0f} %)'
            )
    heads = ['denoiser', 'network', 'noise', 'never', 'always', *(f'gate by {kind}' for kind in kinds)]
    lines.append(markdown_table(heads, cells, 'lllrrl'))
    worse = sum(row['high'] < 0 for row in rows)
    lines += ['', f'{worse} of {len(rows)} are worse than the better of never and always by more than the interval.']
    return '\n'.join(lines)


if __name__ == '__main__':
    sys.exit(run(main))

r"""Put every denoiser before every task at every noise level (the matrix of the paper's Tables IV and V).

A denoiser is one of

  noisy, clean           the noisy images, the clean images
  bm3d                   a method without weights, by the name of its class in any case
  FILE                   a denoiser by its weights, called by the file's name
  NAME=CHECKPOINT        a denoiser by its weights: a file or a published name
  NAME=CONFIG            the denoiser of a config, without weights
  NAME=CONFIG:CHECKPOINT the denoiser of a config, with weights

{sigma} in CHECKPOINT stands for the noise level.

Example:
  semrestore cross-task --tasks semrestore::evaluation/efficientnet_lite0_imagenet_samples.py \
    --denoisers noisy clean blind=multiscale-blind --sigma 15 30 --out work_dirs/matrix
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from semrestore.cli.options import add_amp, new_parser, positive_sigma, wants_bf16
from semrestore.corruptions import ALEXNET_SOURCE, SEVERITIES, UNTOUCHED, chosen, condition, require_package
from semrestore.errors import UserError, near

PAPER_SIGMAS = (15, 30, 45, 60)


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = new_parser(__doc__)
    matrix = parser.add_argument_group('rows and columns')
    matrix.add_argument(
        '--tasks', nargs='+', required=True, metavar='CONFIG', help='configs with a task and its test data'
    )
    matrix.add_argument('--denoisers', nargs='+', required=True, metavar='DENOISER', help='columns (see above)')
    matrix.add_argument(
        '--sigma',
        nargs='+',
        type=positive_sigma,
        metavar='S',
        help='noise levels on 0..255 (default: 15 30 45 60; none with --noise or --corruptions)',
    )
    matrix.add_argument(
        '--noise',
        nargs='+',
        default=[],
        metavar='NAME=CONFIG',
        help='rows of other noise, by configs that set degradation (see configs/_base_/degradations)',
    )
    matrix.add_argument(
        '--corruptions',
        nargs='+',
        metavar='NAME',
        help="rows of ImageNet-C's protocol: imagenet-c (15 corruptions), imagenet-c-extra (4 others), or names",
    )
    matrix.add_argument(
        '--severities',
        nargs='+',
        type=int,
        choices=SEVERITIES,
        metavar='S',
        help='severities of the corruptions or of stored data, 1 to 5 (default: all)',
    )
    matrix.add_argument(
        '--gate',
        nargs='+',
        default=[],
        metavar='DENOISER=RULE',
        help='add a column that leaves good images alone; RULE is noise:SIGMA (on 0..255) or confidence:MARGIN',
    )
    matrix.add_argument('--reference', metavar='NAME', help='compare the other columns with this one, image by image')
    run = parser.add_argument_group('run and results')
    run.add_argument(
        '--out', type=Path, required=True, metavar='DIR', help='folder for the matrix; finished cells are not run again'
    )
    run.add_argument(
        '--limit', nargs='+', default=[], metavar='DENOISER=N', help='run a slow method on N images, evenly spread'
    )
    run.add_argument('--cfg-options', nargs='+', default=[], metavar='KEY=VALUE', help='change values of every config')
    add_amp(run)
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run ``semrestore cross-task``."""
    options = parse(arguments)

    from semrestore.config.libraries import config_path
    from semrestore.evaluation.gates import gated, parse_gates
    from semrestore.evaluation.methods import check_sources, check_unique, parse_limits, parse_method

    for path in options.tasks:
        config_path(path)
    methods = [parse_method(text, '--denoisers') for text in options.denoisers]
    check_unique(methods, '--denoisers')
    names = [method.name for method in methods]
    limits = parse_limits(options.limit, names)
    gates = parse_gates(options.gate, names, '--gate')
    if options.reference and options.reference not in names:
        hint = near(options.reference, names)
        raise UserError(f"--reference is '{options.reference}'; expected the name of one of --denoisers.{hint}")
    corruptions = chosen(options.corruptions or (), '--corruptions')
    if corruptions:
        require_package()
    severities = sorted(set(options.severities or SEVERITIES))
    others = options.noise or corruptions
    sigmas = ([] if others else PAPER_SIGMAS) if options.sigma is None else options.sigma
    configs = {Path(path).stem: path for path in options.tasks}
    if len(configs) < len(options.tasks):
        raise UserError(
            '--tasks names two configs with the same file name; expected different ones, because the matrix uses'
            ' them as names. Rename one'
        )
    names_of_rows = [condition(name, severity) for name in corruptions for severity in severities]
    check_sources(methods, [*sigmas, *(text.partition('=')[0] for text in options.noise), *names_of_rows])

    import torch

    from semrestore.evaluation.cross_task import (
        clean_row,
        corruption_noises,
        gaussian_noises,
        run_cells,
        stored_conditions,
        task_configs,
    )
    from semrestore.evaluation.matrix import Matrix
    from semrestore.evaluation.report import markdown
    from semrestore.evaluation.robustness import robustness, robustness_markdown

    dtype = torch.bfloat16 if wants_bf16(options) else torch.float32
    corrupted, conditions = corruption_noises(corruptions, severities)
    noises = clean_row() | gaussian_noises(sigmas) | _named_noises(options.noise) | corrupted
    tasks: dict = {}
    for path in configs.values():
        tasks |= task_configs(path, options.cfg_options)
    if stored := stored_conditions(tasks):
        if options.sigma or others or 'clean' in names:
            raise UserError(
                'the test data are stored degraded, without a clean partner, so no noise can be added. Leave out'
                " --sigma, --noise, --corruptions and 'clean'"
            )
        conditions = stored
        if options.severities:
            conditions = {key: row for key, row in stored.items() if key[1] in severities or row == UNTOUCHED}
        if not conditions.keys() - {(UNTOUCHED, None)}:
            there = ', '.join(sorted({str(severity) for _, severity in stored if severity})) or 'none'
            raise UserError(f'--severities: the test data have none of these; they have: {there}. Choose from them')
        noises = {name: dict(type='AlreadyDegraded') for name in conditions.values()}
        corrupted = {name: noise for name, noise in noises.items() if name != UNTOUCHED}
    elif options.severities and not corruptions:
        raise UserError('--severities is given without --corruptions; add --corruptions imagenet-c, or leave it out')
    print(
        f'{len(tasks)} tasks x {len(methods)} denoisers x {len(noises)} rows of noise; results go to {options.out}',
        flush=True,
    )
    cells = run_cells(tasks, methods, noises, options.out / 'cells', limits, dtype)
    cells += gated(cells, gates)
    matrix = Matrix(cells, list(noises), options.reference)
    records = matrix.records()
    origins = [dict(task=cell.task, method=cell.method, sigma=cell.sigma, **cell.origin) for cell in cells]
    # The corruptions have a report of their own, because they are many rows.
    plain = [record for record in records if record['sigma'] not in corrupted]
    _write(options.out, records, origins, markdown(records, options.reference), plain or records)
    if plain:
        print(markdown(plain, options.reference, full=False))
    if conditions:
        found = robustness(matrix, conditions)
        _write_corruptions(options.out, found, robustness_markdown(found))
        print(robustness_markdown(found, full=False))
        print(f'results in {options.out}: corruptions.md, corruptions.csv, corruptions.json, corruptions.png')
    print(f'results in {options.out}: matrix.md, matrix.csv, matrix.json, matrix.png')


def _named_noises(texts: Sequence[str]) -> dict[float | str, dict]:
    from semrestore.evaluation.cross_task import named_noise
    from semrestore.evaluation.methods import UNTOUCHED

    noises: dict[float | str, dict] = {}
    for text in texts:
        name, _, path = text.partition('=')
        if not name or not path or name in noises:
            raise UserError(f"--noise: '{text}' cannot be used; expected NAME=CONFIG, with each NAME only once")
        if name == UNTOUCHED:
            raise UserError(f"--noise: the name '{name}' is reserved for the row of clean images. Choose another name")
        noises[name] = named_noise(path, '--noise')
    return noises


def _write(out: Path, records: Sequence[dict], origins: Sequence[dict], text: str, drawn: Sequence[dict]) -> None:
    """Write the matrix as Markdown, CSV, JSON and a plot of some of the records."""
    from semrestore.files import replacing, write_csv, write_text
    from semrestore.visualization.matrix import draw_matrix

    write_text(out / 'matrix.md', text)
    write_text(out / 'matrix.json', json.dumps(dict(records=records, cells=origins), indent=2, allow_nan=False) + '\n')
    write_csv(out / 'matrix.csv', records)
    with replacing(out / 'matrix.png') as path:
        draw_matrix(drawn, path)


def _write_corruptions(out: Path, records: Sequence[dict], text: str) -> None:
    """Write what the corruptions cost as Markdown, CSV, JSON and heat maps."""
    from semrestore.files import replacing, write_csv, write_text
    from semrestore.visualization.corruption_map import draw_corruption_map

    write_text(out / 'corruptions.md', text)
    write_text(
        out / 'corruptions.json',
        json.dumps(dict(records=records, alexnet=ALEXNET_SOURCE), indent=2, allow_nan=False) + '\n',
    )
    flat = []
    for record in records:
        row = {key: value for key, value in record.items() if key != 'severities'}
        row |= {f'severity_{severity}': value for severity, value in record.get('severities', {}).items() if severity}
        flat.append({key: round(value, 3) if isinstance(value, float) else value for key, value in row.items()})
    write_csv(out / 'corruptions.csv', flat)
    with replacing(out / 'corruptions.png') as path:
        draw_corruption_map(records, path)

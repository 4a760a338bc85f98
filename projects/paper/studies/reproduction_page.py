"""Fill the tables of docs/reproduction.md from the matrices in results/."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from projects.paper.published import CLEAN, TASK_METHODS, TASK_TABLES
from semrestore.evaluation.methods import UNTOUCHED
from semrestore.markdown import filled, markdown_table

ROOT = Path(__file__).parents[3]
PAGE = ROOT / 'docs/reproduction.md'
OTHER_NETWORKS = ('deeplabv3_mobilenetv2_voc2012',)
"""The paper has no figures for them."""
# Ours, by where the denoiser was trained: in front of that network it is the joint one, and in front of the other the
# cross-task one.
TITLES = {
    'noisy': 'noisy',
    'bm3d': 'BM3D',
    'separate': 'separate',
    'same_photos': 'separate, same photos',
    'vgg': 'with VGG-16',
    'largefov': 'with LargeFOV',
    'clean': 'clean',
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the page."""
    argparse.ArgumentParser(
        description=__doc__,
        epilog='example:\n  python -m projects.paper.studies.reproduction_page',
        formatter_class=argparse.RawDescriptionHelpFormatter,
    ).parse_args(arguments)
    PAGE.write_text(page(), encoding='utf-8')
    print(f'wrote {PAGE.relative_to(ROOT)}')


def page() -> str:
    """Return the page with the text between ``<!-- table: FILE TASK METRIC -->`` and ``<!-- end -->`` replaced."""
    return filled(PAGE.read_text(encoding='utf-8'), 'table', table)


def table(file: str, task: str, metric: str) -> str:
    """Return a metric of a task as Markdown: value with interval, difference to ``separate``, recovery."""
    files = sorted((ROOT / 'results').glob(f'{file}*.json'))  # the levels were measured in parts
    records = [record for path in files for record in json.loads(path.read_text(encoding='utf-8'))['records']]
    records = [record for record in records if (record['task'], record['metric']) == (task, metric)]
    records = [record for record in records if record['sigma'] != UNTOUCHED]
    whole = max(record['images'] for record in records)
    heads = ['sigma', 'in front of the network', f'{metric} (%), 95 % interval', 'difference to separate, paired']
    rows = []
    for record in sorted(records, key=lambda record: (record['sigma'], list(TITLES).index(record['method']))):
        title = TITLES[record['method']] + (f' ({record["images"]} images)' if record['images'] < whole else '')
        difference = '' if record.get('difference') is None else _bounded(record, 'difference', '+.1f')
        recovery = '' if record['recovery'] is None else f'{record["recovery"]:.0f}'
        psnr = '' if record['psnr'] is None else f'{record["psnr"]:.2f}'
        value = f'{record["value"]:.1f} [{record["low"]:.1f}, {record["high"]:.1f}]'
        rows.append([f'{record["sigma"]:g}', title, value, difference, recovery, psnr])
    ours = markdown_table([*heads, 'recovery (%)', 'PSNR (dB)'], rows, 'rlllr')
    if task in OTHER_NETWORKS:
        return ours
    published = [
        [sigma, *(f'{value:g} ({_recovery(metric, values[0], value):.0f})' for value in values)]
        for sigma, values in TASK_TABLES[metric].items()
        if sigma in {record['sigma'] for record in records}
    ]
    theirs = markdown_table(['sigma', "noisy (the paper's 'VGG')", *TASK_METHODS[1:]], published, 'r')
    return f'{ours}\n\nThe paper, with recovery in brackets (clean taken as {CLEAN[metric]} %):\n\n{theirs}'


def _bounded(record: dict, name: str, form: str) -> str:
    text = f'{record[name]:{form}} [{record[f"{name}_low"]:{form}}, {record[f"{name}_high"]:{form}}]'
    return f'**{text}**' if record[f'{name}_low'] > 0 else text


def _recovery(metric: str, noisy: float, value: float) -> float:
    return 100 * (value - noisy) / (CLEAN[metric] - noisy)


if __name__ == '__main__':
    main()

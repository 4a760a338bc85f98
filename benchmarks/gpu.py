"""Gather the results of the parts of `benchmarks/gpu.sh` in one file.

Each part leaves `NAME.status` (exit status, seconds, limit) and `NAME.log` in the folder. A part with figures also
leaves `NAME.json` or `NAME/result.json`.
"""

import argparse
import json
from pathlib import Path

TITLES = {
    'demo': 'the demo',
    'step': 'a joint step in float32',
    'step_amp': 'with `--amp`',
    'step_amp_compiled': 'with `--amp` and `--compile`',
    'nccl': 'training under torchrun, one process',
    'denoise': 'restoring, by precision',
    'denoise_compiled': 'restoring, compiled',
}
NOT_RUN = '`benchmarks/gpu.sh` has not run on a GPU yet.'
TIMED_OUT = (124, 137)  # exit statuses of timeout(1)
LINES = 20


def main() -> None:
    """Write the result, in the order of the titles."""
    from semrestore.files import write_text

    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog='example:\n  python -m benchmarks.gpu FOLDER results/benchmark/gpu.json',
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('folder', type=Path, metavar='FOLDER', help='folder with the results of the parts')
    parser.add_argument('out', type=Path, metavar='RESULT', help='JSON file to write')
    options = parser.parse_args()
    document = dict(parts={})
    for name in TITLES:
        status = options.folder / f'{name}.status'
        if status.is_file():
            document['parts'][name] = _part(options.folder, name, *map(int, status.read_text().split()))
    machines = (
        part['figures'].get('machine') for part in document['parts'].values() if isinstance(part['figures'], dict)
    )
    document['machine'] = next(filter(None, machines), None)
    write_text(options.out, json.dumps(document, indent=2) + '\n')


def _part(folder: Path, name: str, status: int, seconds: int, limit: int) -> dict:
    ended = 'ok' if status == 0 else 'timed out' if status in TIMED_OUT else f'failed with status {status}'
    part = dict(ended=ended, seconds=seconds, limit=limit, figures=None)
    for figures in (folder / f'{name}.json', folder / name / 'result.json'):
        if figures.is_file():
            part['figures'] = json.loads(figures.read_text(encoding='utf-8'))
    if status:
        log = (folder / f'{name}.log').read_text(encoding='utf-8', errors='replace')
        part['log'] = log.splitlines()[-LINES:]
    return part


def table(document: dict) -> str:
    """Return the figures as Markdown."""
    lines = ['| part | ended | seconds | figures |', '| --- | --- | ---: | --- |']
    for name, part in document['parts'].items():
        figures = _said(name, part['figures']) if part['figures'] else ''
        lines.append(f'| {TITLES[name]} | {part["ended"]} | {part["seconds"]} | {figures} |')
    where = document['machine']['processor'] if document['machine'] else 'a machine that no part named'
    return f'On {where}:\n\n' + '\n'.join(lines)


def _said(name: str, figures: dict | list) -> str:
    """Return a part's figures in some words."""
    if name == 'demo':
        return '; '.join(f'{one["network"]}, {one["method"]}: {one["agreement"]["value"]:.1f} %' for one in figures)
    if name.startswith('step'):
        ours, plain = figures['rows']['ours'], figures['rows']['plain']
        return (
            f'{1000 * ours["median"]:.1f} ms, plain loop {1000 * plain["median"]:.1f} ms,'
            f' {ours["images_per_s"]:.0f} images/s, {100 * ours["mfu"]:.0f} % of a matrix product'
        )
    if name == 'nccl':
        return '; '.join(f'{row["images_per_s"]:.0f} images/s' for row in figures['rows'])
    return '; '.join(
        f'{row["precision"]}{", compiled" if row["compiled"] else ""} {row["images_per_s"]:.1f} images/s'
        for row in figures['rows']
    )


if __name__ == '__main__':
    main()

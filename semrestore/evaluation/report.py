"""Write the cross-task matrix as Markdown."""

from collections.abc import Callable, Sequence
from functools import partial

from semrestore.evaluation.harm import p_text
from semrestore.evaluation.methods import noise_name

__all__ = ['markdown']


def markdown(records: Sequence[dict], reference: str | None = None, full: bool = True) -> str:
    """Return the matrix as Markdown, with tables of values, recovery, and images helped and harmed.

    Args:
        records: What :meth:`semrestore.evaluation.matrix.Matrix.records` returns.
        reference: The method that the records compare with.
        full: Also the changes against noisy with intervals and tests, calibration errors, and PSNR.
    """
    lines = []
    described = set()
    for task, metric in dict.fromkeys((record['task'], record['metric']) for record in records):
        chosen = [record for record in records if (record['task'], record['metric']) == (task, metric)]
        images = max(record['images'] for record in chosen)
        lines += ['', f'### {task}, {metric} (%), {images} images', '', *_table(chosen, partial(_value, images=images))]
        if any(record['recovery'] is not None for record in chosen):
            lines += ['', f'Recovery of {metric} (%), which is (method - noisy) / (clean - noisy):', '']
            lines += _table(chosen, lambda record: _number(record['recovery'], 0))
        if any('helped' in record for record in chosen):
            margin = next((record['margin'] for record in chosen if 'margin' in record), None)
            title = (
                f'better / worse by more than {margin:g} points'
                if margin
                else 'turned from wrong to right / from right to wrong'
            )
            lines += ['', f'Images {title}, compared with noisy:', '', *_table(chosen, _counts)]
        if full and any('change' in record for record in chosen):
            test = ", and the p-value of McNemar's exact test" if any('p' in record for record in chosen) else ''
            title = f'Difference in {metric} to noisy (points), with the 95 % interval of a paired bootstrap{test}:'
            lines += ['', title, '']
            lines += _table(chosen, partial(_difference, name='change'))
        if any('difference' in record for record in chosen):
            lines += [
                '',
                f'Difference in {metric} to {reference} on the same images (points), with the 95 % interval of a paired'
                ' bootstrap:',
                '',
            ]
            lines += _table(chosen, partial(_difference, name='difference'))
        if full and any('calibration_error' in record for record in chosen):
            lines += ['', 'Expected calibration error (%, 15 bins):', '']
            lines += _table(chosen, lambda record: _number(record.get('calibration_error'), 1))
        if full and task not in described:  # PSNR is the same for every metric of a task
            described.add(task)
            lines += ['', 'PSNR (dB):', '', *_table(chosen, lambda record: _number(record['psnr'], 2))]
    return '\n'.join(lines).strip() + '\n'


def _table(records: Sequence[dict], text: Callable[[dict], str]) -> list[str]:
    methods = list(dict.fromkeys(record['method'] for record in records))
    first = 'noise' if any(isinstance(record['sigma'], str) for record in records) else 'sigma'
    lines = [f'| {first} | ' + ' | '.join(methods) + ' |', '| --- |' + ' ---: |' * len(methods)]
    for sigma in dict.fromkeys(record['sigma'] for record in records):
        cells = {record['method']: text(record) for record in records if record['sigma'] == sigma}
        lines.append(f'| {noise_name(sigma)} | ' + ' | '.join(cells.get(method, '-') for method in methods) + ' |')
    return lines


def _value(record: dict, images: int) -> str:
    text = f'{record["value"]:.1f}'
    text = {1: f'**{text}**', 2: f'<u>{text}</u>'}.get(record['place'], text)
    count = f' ({record["images"]} images)' if record['images'] < images else ''
    return f'{text} [{record["low"]:.1f}, {record["high"]:.1f}]{count}'


def _number(value: float | None, digits: int) -> str:
    return '-' if value is None else f'{value:.{digits}f}'


def _counts(record: dict) -> str:
    return f'{record["helped"]} / {record["harmed"]}' if 'helped' in record else '-'


def _difference(record: dict, name: str) -> str:
    if name not in record:
        return '-'
    text = f'{record[name]:+.1f} [{record[f"{name}_low"]:+.1f}, {record[f"{name}_high"]:+.1f}]'
    if name == 'change' and 'p' in record:
        text += f', {p_text(record["p"])}'
    if f'{name}_images' in record:
        text += f' ({record[f"{name}_images"]} images)'
    return text

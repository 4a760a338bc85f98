"""Summarise a matrix of corruptions: means, and ImageNet-C's corruption errors.

Mean corruption error: Hendrycks and Dietterich, ICLR 2019, section 4.2. Mean and relative performance under corruption:
Michaelis et al., "Benchmarking Robustness in Object Detection", 2019.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from semrestore.corruptions import ALEXNET_CLEAN, ALEXNET_ERRORS, EXTRA, SEVERITIES
from semrestore.evaluation.matrix import Cell, Matrix, bootstrap, interval
from semrestore.evaluation.methods import UNTOUCHED

__all__ = ['corruption_error', 'robustness', 'robustness_markdown']

Conditions = Mapping[tuple[str, int | None], str]
"""Names of the matrix's rows by corruption and severity; without severities these are ``None``."""


def corruption_error(
    errors: Mapping[tuple[str, int], np.ndarray], clean: np.ndarray | None = None
) -> dict[str, np.ndarray]:
    """Return the corruption error of each corruption in percent of AlexNet's, and their means.

    ``CE_c = sum_s E_{c,s} / sum_s E_{c,s}^AlexNet``; with the error on clean images also the relative one,
    ``(sum_s E_{c,s} - E_clean) / (sum_s E_{c,s}^AlexNet - E_clean^AlexNet)``, each sum over the five severities.

    Args:
        errors: Top-1 errors of 0..1 by corruption and severity; any of the 15 corruptions, each with all severities.
        clean: The error on clean images.

    Returns:
        By corruption, and as ``mCE`` if all 15 are there. The relative ones are called ``relative CORRUPTION`` and
        ``relative mCE``.
    """
    found: dict[str, np.ndarray] = {}
    for corruption in dict.fromkeys(name for name, _ in errors):
        own = np.mean([errors[corruption, severity] for severity in SEVERITIES], axis=0)
        theirs = ALEXNET_ERRORS[corruption]
        found[corruption] = 100 * own / theirs
        if clean is not None:
            found[f'relative {corruption}'] = 100 * (own - clean) / (theirs - ALEXNET_CLEAN)
    for prefix in ('', 'relative '):
        if all(prefix + corruption in found for corruption in ALEXNET_ERRORS):
            found[f'{prefix}mCE'] = np.mean([found[prefix + corruption] for corruption in ALEXNET_ERRORS], axis=0)
    return found


def robustness(matrix: Matrix, conditions: Conditions) -> list[dict]:
    """Return a dict for each task, metric, method and corruption, and one for the mean of the corruptions.

    Each has ``value``, the mean over the severities in percent, and ``severities``, the value of each one. The mean,
    called ``mean``, also has the value on ``clean`` images behind the same method, ``relative``, the share of that in
    percent, and, if all corruptions have the same images, its 95 % interval. The four extra corruptions are left out of
    a mean that has others. Top-1 has ``CE`` and ``relative_CE`` beside each corruption with all five severities; in the
    row ``mean`` they are mCE and relative mCE, if all 15 corruptions have all five severities.
    """
    records = []
    for task in matrix.tasks:
        for method in matrix.methods:
            cells = {key: cell for key, name in conditions.items() if (cell := matrix.cell(task, method, name))}
            if method != 'clean' and len(cells) == len(conditions):
                for metric in next(iter(cells.values())).score.metrics:
                    records += _records(metric, cells, matrix.cell(task, method, UNTOUCHED))
    return records


def _records(metric: str, cells: Mapping[tuple[str, int | None], Cell], untouched: Cell | None) -> list[dict]:
    every: dict[Any, Cell] = {**cells, **({'clean': untouched} if untouched else {})}
    images = [[row.get('image') for row in cell.rows] for cell in every.values()]
    # Resampled together, so that the interval of a mean uses the same images for all corruptions.
    together = bootstrap(metric, *every.values()) if all(one == images[0] for one in images) else None
    values: dict[Any, np.ndarray] = {}  # the value itself, then those of the resamples
    for index, (key, cell) in enumerate(every.items()):
        resampled = together[index] if together else bootstrap(metric, cell, seed=index)[0]
        values[key] = np.array([cell.value(metric), *resampled])
    names = list(dict.fromkeys(name for name, _ in cells))
    severities = {name: [severity for corruption, severity in cells if corruption == name] for name in names}
    errors, clean = {}, values.get('clean')
    if metric == 'top-1':
        whole = [name for name in names if name in ALEXNET_ERRORS and set(severities[name]) == set(SEVERITIES)]
        errors = corruption_error(
            {(name, severity): 1 - values[name, severity] / 100 for name in whole for severity in SEVERITIES},
            None if clean is None else 1 - clean / 100,
        )
    example = next(iter(cells.values()))
    shared = dict(task=example.task, metric=metric, method=example.method, images=len(example.rows))
    records = []
    for name in names:
        record: dict = dict(shared, corruption=name, value=_mean(values, name, severities)[0])
        record['severities'] = {severity: values[name, severity][0] for severity in severities[name]}
        for column, key in (('CE', name), ('relative_CE', f'relative {name}')):
            if key in errors:
                record[column] = errors[key][0]
        records.append(record)
    counted = [name for name in names if name not in EXTRA] or names
    mean = np.mean([_mean(values, name, severities) for name in counted], axis=0)
    limits = _limits if together else _no_limits
    record = dict(shared, corruption='mean', value=mean[0], **limits('', mean))
    if clean is not None:
        record |= dict(clean=clean[0], relative=100 * mean[0] / clean[0] if clean[0] else None)
    for column, key in (('CE', 'mCE'), ('relative_CE', 'relative mCE')):
        if key in errors:
            record |= {column: errors[key][0], **limits(f'{column}_', errors[key])}
    return [*records, record]


def _mean(values: Mapping, name: str, severities: Mapping[str, Sequence]) -> np.ndarray:
    return np.mean([values[name, severity] for severity in severities[name]], axis=0)


def _limits(prefix: str, values: np.ndarray) -> dict[str, float]:
    low, high = interval(values[1:])
    return {f'{prefix}low': low, f'{prefix}high': high}


def _no_limits(prefix: str, values: np.ndarray) -> dict[str, float]:
    return {}


def robustness_markdown(records: Sequence[dict]) -> str:
    """Return the records as Markdown: for each task and metric the means, then a table for each method."""
    lines: list[str] = []
    for task, metric in dict.fromkeys((record['task'], record['metric']) for record in records):
        chosen = [record for record in records if (record['task'], record['metric']) == (task, metric)]
        means = [record for record in chosen if record['corruption'] == 'mean']
        lines += ['', f'### {task}, {metric} (%) under corruption, {means[0]["images"]} images', '']
        errors = any('CE' in record for record in means)
        heads = ['method', 'clean', 'mean (mPC)', 'mean / clean (rPC)', *(['mCE', 'relative mCE'] if errors else [])]
        lines += _head(heads)
        for record in means:
            cells = [_text(record.get('clean')), _text(record['value'], record, ''), _text(record.get('relative'))]
            if errors:
                cells += [_text(record.get(name), record, f'{name}_') for name in ('CE', 'relative_CE')]
            lines.append(f'| {record["method"]} | ' + ' | '.join(cells) + ' |')
        if any('low' not in record for record in means):
            lines += ['', 'The corruptions have different images, so the means have no intervals.']
        for method in dict.fromkeys(record['method'] for record in chosen):
            own = [record for record in chosen if record['method'] == method and record['corruption'] != 'mean']
            lines += ['', f'{method}:', '', *_table(own)]
    return '\n'.join(lines).strip() + '\n'


def _table(records: Sequence[dict]) -> list[str]:
    severities = list(dict.fromkeys(severity for record in records for severity in record['severities']))
    errors = [name for name in ('CE', 'relative_CE') if any(name in record for record in records)]
    levels = [f'severity {severity}' for severity in severities if severity is not None]
    lines = _head(['corruption', *levels, 'mean', *(name.replace('_', ' ') for name in errors)])
    for record in records:
        cells = [_text(record['severities'].get(severity)) for severity in severities] if levels else []
        cells += [_text(record['value']), *(_text(record.get(name)) for name in errors)]
        lines.append(f'| {record["corruption"]} | ' + ' | '.join(cells) + ' |')
    return lines


def _head(names: Sequence[str]) -> list[str]:
    return ['| ' + ' | '.join(names) + ' |', '| --- |' + ' ---: |' * (len(names) - 1)]


def _text(value: float | None, record: dict | None = None, prefix: str = '') -> str:
    if value is None:
        return '-'
    if record is None or f'{prefix}low' not in record:
        return f'{value:.1f}'
    return f'{value:.1f} [{record[f"{prefix}low"]:.1f}, {record[f"{prefix}high"]:.1f}]'

"""Summarise a matrix of corruptions: means, and ImageNet-C's corruption errors.

Mean corruption error: Hendrycks and Dietterich, ICLR 2019, section 4.2. Mean and relative performance under corruption:
Michaelis et al., "Benchmarking Robustness in Object Detection", 2019.
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from semrestore.corruptions import ALEXNET_CLEAN, ALEXNET_ERRORS, ALEXNET_SOURCE, EXTRA, KINDS, SEVERITIES, UNTOUCHED
from semrestore.evaluation.matrix import Cell, Matrix, bootstrap, interval
from semrestore.markdown import markdown_table

__all__ = ['corruption_error', 'robustness', 'robustness_markdown']

Key = tuple[str, int | None]

Conditions = Mapping[Key, str]
"""Names of the matrix's rows by corruption and severity; without severities these are ``None``."""

CLEAN: Key = (UNTOUCHED, None)


def corruption_error(
    errors: Mapping[tuple[str, int], np.ndarray], clean: np.ndarray | None = None
) -> dict[str, np.ndarray]:
    """Return the corruption error of each corruption in percent of AlexNet's, and their means.

    ``CE_c = sum_s E_{c,s} / sum_s E_{c,s}^AlexNet``; with the error on clean images also the relative one,
    ``sum_s (E_{c,s} - E_clean) / sum_s (E_{c,s}^AlexNet - E_clean^AlexNet)``, each sum over the five severities.

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
    """Return a dict for each task, metric, method and corruption, one for their mean, and one for each group of them.

    Each has ``value``, the mean over the severities in percent; what restoring does to the images, if the matrix says
    it (``recovery``, ``helped`` and ``harmed`` as sums over the rows, the mean ``calibration_error``); and, if all
    corruptions have the same images, a 95 % interval. A corruption has ``severities``, the value of each one. The
    record called ``mean`` also has the value on ``clean`` images behind the same method, ``relative``, the share of
    that in percent, and its ``change`` against noisy and ``difference`` to the matrix's reference on the same images.
    The four extra corruptions are left out of a mean that has others. The groups are those of
    :data:`~semrestore.corruptions.KINDS` that were measured whole. Top-1 has ``CE`` and ``relative_CE`` beside each
    corruption with all five severities; in the row ``mean`` they are mCE and relative mCE, if all 15 corruptions have
    all five severities.
    """
    others = {'change': 'noisy'} | ({'difference': matrix.reference} if matrix.reference else {})
    of_row = {(one['task'], one['metric'], one['method'], one['sigma']): one for one in matrix.records()}
    records = []
    for task in matrix.tasks:
        cells: dict[str, dict[Key, Cell]] = {}
        for method in matrix.methods:
            own = {key: cell for key, name in conditions.items() if (cell := matrix.cell(task, method, name))}
            if method != 'clean' and len(own) == len(conditions):
                untouched = matrix.cell(task, method, UNTOUCHED)
                cells[method] = own | ({CLEAN: untouched} if untouched else {})
        for metric in next(iter(next(iter(cells.values())).values())).score.metrics if cells else ():
            figures = {method: _figures(metric, values) for method, values in _values(metric, cells).items()}
            for method, own in cells.items():
                changes: dict[str, list[tuple]] = {}
                for (name, _), row in conditions.items():
                    change = of_row[task, metric, method, row], matrix.regained(task, metric, method, row)
                    changes.setdefault(name, []).append(change)
                images = next(len(cell.rows) for key, cell in own.items() if key != CLEAN)
                shared = dict(task=task, metric=metric, method=method, images=images)
                if matrix.reference:
                    shared['reference'] = matrix.reference
                present = {word: other for word, other in others.items() if _same_images(method, other, cells)}
                records += _records(shared, own, figures, changes, present)
    return records


def _values(metric: str, cells: Mapping[str, Mapping[Key, Cell]]) -> dict[str, dict[Key, np.ndarray]]:
    """Return the value of each cell by method, followed by those of the resamples.

    Cells with the same images are resampled together, so that means and the differences of methods have intervals. A
    method whose cells have different images has no resamples.
    """
    images = {method: _images(own) for method, own in cells.items()}
    values: dict[str, dict[Key, np.ndarray]] = {}
    for method, own in cells.items():
        if len(images[method]) > 1:
            values[method] = {key: np.array([cell.value(metric)]) for key, cell in own.items()}
        elif method not in values:
            group = [other for other in cells if images[other] == images[method]]
            resampled = iter(bootstrap(metric, *(cell for other in group for cell in cells[other].values())))
            for other in group:
                values[other] = {
                    key: np.array([cell.value(metric), *next(resampled)]) for key, cell in cells[other].items()
                }
    return values


def _images(own: Mapping[Key, Cell]) -> set[tuple]:
    """Return the lists of images that a method's cells have: one, if they have the same."""
    return {tuple(row.get('image') for row in cell.rows) for cell in own.values()}


def _same_images(method: str, other: str, cells: Mapping[str, Mapping[Key, Cell]]) -> bool:
    """Return whether another method ran on the images of a method."""
    return method != other and other in cells and _images(cells[method]) == _images(cells[other])


def _figures(metric: str, values: Mapping[Key, np.ndarray]) -> dict[tuple[str, str], np.ndarray]:
    """Return figures by column and row: means over severities, over groups and over all, and corruption errors."""
    means = {}
    for name in dict.fromkeys(name for name, _ in values):
        means[name] = np.mean([value for (other, _), value in values.items() if other == name], axis=0)
    found = {('value', name): mean for name, mean in means.items()}
    for name, members in _sets(means).items():
        found['value', name] = np.mean([means[member] for member in members], axis=0)
    if metric == 'top-1':
        whole = [name for name in ALEXNET_ERRORS if all((name, severity) in values for severity in SEVERITIES)]
        errors = {(name, severity): 1 - values[name, severity] / 100 for name in whole for severity in SEVERITIES}
        clean = 1 - means[UNTOUCHED] / 100 if UNTOUCHED in means else None
        for name, error in corruption_error(errors, clean).items():
            row = name.removeprefix('relative ')
            found['CE' if row == name else 'relative_CE', 'mean' if row == 'mCE' else row] = error
    return found


def _sets(names: Iterable[str]) -> dict[str, list[str]]:
    """Return the corruptions that each mean is over: ``mean``, and the groups that are whole."""
    measured = [name for name in names if name != UNTOUCHED]
    every = [name for name in measured if name not in EXTRA] or measured
    return {'mean': every} | {kind: list(own) for kind, own in KINDS.items() if set(own) <= set(measured)}


def _records(
    shared: dict,
    cells: Mapping[Key, Cell],
    figures: Mapping[str, Mapping[tuple[str, str], np.ndarray]],
    changes: Mapping[str, Sequence[tuple]],
    others: Mapping[str, str],
) -> list[dict]:
    """Return the records of one method: each corruption, then the mean, then the groups."""
    own = figures[shared['method']]
    names = [name for name in dict.fromkeys(name for name, _ in cells) if name != UNTOUCHED]
    records = []
    for name, members in ({name: [name] for name in names} | _sets(names)).items():
        record = dict(shared, corruption=name)
        for column in ('value', 'CE', 'relative_CE'):
            if (column, name) in own:
                prefix = '' if column == 'value' else f'{column}_'
                record |= {column: own[column, name][0], **_limits(prefix, own[column, name])}
        if name in names:
            record['severities'] = {
                severity: cell.value(shared['metric']) for (one, severity), cell in cells.items() if one == name
            }
        record |= _harm([change for member in members for change in changes[member]])
        if name == 'mean':
            if ('value', UNTOUCHED) in own:
                clean = own['value', UNTOUCHED][0]
                record |= dict(clean=clean, relative=100 * record['value'] / clean if clean else None)
            for word, other in others.items():
                for column, prefix in (('value', ''), ('CE', 'CE_')):
                    if (column, name) in own and (column, name) in figures[other]:
                        difference = own[column, name] - figures[other][column, name]
                        record |= {f'{prefix}{word}': difference[0], **_limits(f'{prefix}{word}_', difference)}
        records.append(record)
    return records


def _harm(changes: Sequence[tuple[dict, tuple[float, float] | None]]) -> dict:
    """Return what restoring does to the images of several rows, from their records and the points they regained."""
    found: dict = {}
    rows = [record for record, _ in changes]
    if regained := [points for _, points in changes if points]:
        gained, lost = np.sum(regained, axis=0)
        found['recovery'] = 100 * gained / lost if lost > 0 else None
    for name in ('helped', 'harmed'):
        if all(name in row for row in rows):
            found[name] = sum(row[name] for row in rows)
    if all('calibration_error' in row for row in rows):
        found['calibration_error'] = float(np.mean([row['calibration_error'] for row in rows]))
    return found


def _limits(prefix: str, values: np.ndarray) -> dict[str, float]:
    if len(values) == 1:  # without resamples
        return {}
    low, high = interval(values[1:])
    return {f'{prefix}low': low, f'{prefix}high': high}


def robustness_markdown(records: Sequence[dict], full: bool = True) -> str:
    """Return the records as Markdown: for each task and metric the means, then a table for each method.

    Args:
        records: What :func:`robustness` returns.
        full: Also the other metrics than the leading one, and the tables of the methods.
    """
    lines: list[str] = []
    leading: dict[str, str] = {}
    for record in records:
        leading.setdefault(record['task'], record['metric'])
    for task, metric in dict.fromkeys((record['task'], record['metric']) for record in records):
        if not full and metric != leading[task]:
            continue
        chosen = [record for record in records if (record['task'], record['metric']) == (task, metric)]
        means = [record for record in chosen if record['corruption'] == 'mean']
        lines += ['', f'### {task}, {metric} (%) under corruption, {means[0]["images"]} images', '']
        lines.append(_summary(chosen, means))
        differences = [(column, title) for column, title in DIFFERENCES if any(column in record for record in means)]
        if differences:
            reference = next((record['reference'] for record in means if 'reference' in record), None)
            lines += ['', 'Differences on the same images, with the 95 % interval of a paired bootstrap:', '']
            rows = [
                [record['method'], *(_text(record.get(column), record, f'{column}_') for column, _ in differences)]
                for record in means
            ]
            lines.append(markdown_table(['method', *(title.format(reference) for _, title in differences)], rows))
        if any('low' not in record for record in means):
            lines += ['', 'The corruptions have different images, so the means have no intervals.']
        if any('helped' in record for record in means):
            lines += ['', 'Helped / harmed counts an image once for each corruption and severity, compared with noisy.']
        if any('CE' in record for record in chosen):
            lines += ['', f"CE is relative to AlexNet's errors on the whole of ImageNet-C ({ALEXNET_SOURCE})."]
            lines += [f'These are of {means[0]["images"]} images, so compare them only with figures on the same ones.']
        for method in dict.fromkeys(record['method'] for record in chosen) if full else ():
            own = [record for record in chosen if record['method'] == method and record['corruption'] != 'mean']
            lines += ['', f'{method}:', '', _table(own)]
    return '\n'.join(lines).strip() + '\n'


DIFFERENCES = (
    ('change', 'mPC to noisy'),
    ('CE_change', 'mCE to noisy'),
    ('difference', 'mPC to {}'),
    ('CE_difference', 'mCE to {}'),
)

HARM = {
    'recovery': 'recovery',
    'helped': 'helped / harmed',
    'calibration_error': 'calibration error',
}


def _summary(records: Sequence[dict], means: Sequence[dict]) -> str:
    kinds = [kind for kind in KINDS if any(record['corruption'] == kind for record in records)]
    values = {(record['method'], record['corruption']): record['value'] for record in records}
    errors = any('CE' in record for record in means)
    harm = [name for name in HARM if any(name in record for record in means)]
    heads = ['method', 'clean', 'mean (mPC)', 'mean / clean (rPC)', *(['mCE', 'relative mCE'] if errors else [])]
    rows = []
    for record in means:
        cells = [_text(record.get('clean')), _text(record['value'], record, ''), _text(record.get('relative'))]
        if errors:
            cells += [_text(record.get(name), record, f'{name}_') for name in ('CE', 'relative_CE')]
        cells += [_text(values.get((record['method'], kind))) for kind in kinds]
        rows.append([record['method'], *cells, *(_harm_text(record, name) for name in harm)])
    return markdown_table([*heads, *kinds, *(HARM[name] for name in harm)], rows)


def _harm_text(record: dict, name: str) -> str:
    if name == 'helped' and name in record:
        return f'{record["helped"]:.0f} / {record["harmed"]:.0f}'
    return _text(record.get(name))


def _table(records: Sequence[dict]) -> str:
    severities = list(dict.fromkeys(severity for record in records for severity in record.get('severities', ())))
    errors = [name for name in ('CE', 'relative_CE') if any(name in record for record in records)]
    harm = [name for name in HARM if any(name in record for record in records)]
    levels = [f'severity {severity}' for severity in severities if severity is not None]
    heads = ['corruption', *levels, 'mean', *(name.replace('_', ' ') for name in errors)]
    rows = []
    for record in records:
        cells = [_text(record.get('severities', {}).get(severity)) for severity in severities] if levels else []
        cells += [_text(record['value']), *(_text(record.get(name)) for name in errors)]
        rows.append([record['corruption'], *cells, *(_harm_text(record, name) for name in harm)])
    return markdown_table([*heads, *(HARM[name] for name in harm)], rows)


def _text(value: float | None, record: dict | None = None, prefix: str = '') -> str:
    if value is None:
        return '-'
    if record is None or f'{prefix}low' not in record:
        return f'{value:.1f}'
    return f'{value:.1f} [{record[f"{prefix}low"]:.1f}, {record[f"{prefix}high"]:.1f}]'

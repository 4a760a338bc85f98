"""Write our figures beside the paper's Tables I, II and III, as records and as Markdown."""

from collections.abc import Mapping, Sequence
from statistics import fmean

import numpy as np
from scipy.stats import spearmanr

from projects.paper.published import IMAGES, MEANS, TABLE_1, TABLE_2
from semrestore.markdown import markdown_table


def image_records(dataset: str, results: Mapping[tuple[str, float], list[dict]]) -> list[dict]:
    """Return one dict for each image, noise level and method, and one for their mean (``image='mean'``).

    Args:
        dataset: ``'kodak24'`` (Table II) or ``'cbsd68'`` (Table III).
        results: ``image`` and ``psnr`` of the images that a method ran on, by method and sigma.

    Returns:
        Dicts of ``dataset``, ``image``, ``sigma``, ``method``, ``images``, ``psnr``, and where the paper has a figure
        for the same, ``paper`` and ``difference``. The mean of some images is compared with the paper's mean of the
        same images, if the paper has them one by one.
    """
    records = []
    for (method, sigma), rows in results.items():
        names = [row['image'] for row in rows]
        each = [TABLE_2.get((name, sigma, method)) if dataset == 'kodak24' else None for name in names]
        whole = MEANS.get((dataset, sigma, method)) if len(rows) == IMAGES[dataset] else None
        mean = fmean(each) if whole is None and None not in each else whole
        measured = [row['psnr'] for row in rows]
        for name, psnr, paper in zip([*names, 'mean'], [*measured, fmean(measured)], [*each, mean], strict=True):
            record = dict(
                dataset=dataset,
                image=name,
                sigma=sigma,
                method=method,
                images=len(rows) if name == 'mean' else 1,
                psnr=round(psnr, 4),
            )
            records.append(record | _compared(psnr, paper))
    return records


def architecture_records(
    costs: Mapping[str, dict], results: Mapping[str, list[dict]], courses: Mapping[str, Mapping[int, float]]
) -> list[dict]:
    """Return one dict for each row of Table I: costs, the paper's count, and PSNR if there are weights.

    Args:
        costs: ``weights``, ``parameters`` and ``multiply_adds`` by the name of the architecture.
        results: ``psnr`` of each image by the name of the architecture.
        courses: PSNR on held-out photos after some iterations of the training, by the name of the architecture.
    """
    records = []
    steps = sorted({step for course in courses.values() for step in course})
    for name, (paper_weights, paper) in TABLE_1.items():
        rows = results.get(name)
        psnr = fmean(row['psnr'] for row in rows) if rows else None
        record = dict(
            architecture=name, **costs[name], paper_weights=1000 * paper_weights, images=len(rows or ()), psnr=psnr
        )
        record |= dict(paper=paper, difference=None if psnr is None else psnr - paper)
        records.append(record | {f'held_out_{step}': courses.get(name, {}).get(step) for step in steps})
    return records


def rank_correlation(results: Mapping[str, list[dict]], draws: int = 1000) -> tuple[float, float, float]:
    """Return Spearman's rank correlation of our PSNR with Table I's, and its 95 % interval over images drawn anew.

    Args:
        results: ``psnr`` of each image by the name of the architecture, of the same images in the same order.
        draws: Samples of the bootstrap.
    """
    ours = np.array([[row['psnr'] for row in rows] for rows in results.values()])
    paper = [TABLE_1[name][1] for name in results]
    samples = np.random.default_rng(0).integers(ours.shape[1], size=(draws, ours.shape[1]))
    means = [ours.mean(1), *(ours[:, sample].mean(1) for sample in samples)]
    whole, *drawn = (spearmanr(mean, paper).statistic for mean in means)
    low, high = np.percentile(drawn, (2.5, 97.5))
    return float(whole), float(low), float(high)


def _compared(psnr: float, paper: float | None) -> dict:
    return dict(paper=paper, difference=None if paper is None else round(psnr - paper, 4))


def image_markdown(
    records: Sequence[dict], methods: Sequence[str], sigmas: Sequence[float], count: int, images: Sequence[str] = ()
) -> str:
    """Return Table II or III as Markdown: means of each level, then a table of ``images`` for each.

    ``count`` is the number of images of the data set.
    """
    cells = {(record['image'], record['sigma'], record['method']): record for record in records}
    lines = [
        'PSNR in dB; in brackets the difference to the figure in the paper. **Best** and <u>second best</u> of the'
        ' methods that ran on all'
    ]
    lines += [
        f'{count} images; where one ran on fewer, their number follows. A dash: no weights, or not asked for.',
        '',
    ]
    means = [_row(f'{sigma:g}', [cells.get(('mean', sigma, method)) for method in methods], count) for sigma in sigmas]
    lines.append(markdown_table(['sigma', *methods], means))
    for sigma in sigmas if images else ():
        rows = [_row(image, [cells.get((image, sigma, method)) for method in methods], 1) for image in images]
        lines += ['', f'Sigma {sigma:g}:', '', markdown_table(['image', *methods], rows)]
    return '\n'.join(lines) + '\n'


def _row(first: str, records: Sequence[dict | None], count: int) -> list[str]:
    ranked = sorted(
        {round(record['psnr'], 2) for record in records if record and record['images'] == count}, reverse=True
    )
    return [first, *(_cell(record, ranked, count) for record in records)]


def _cell(record: dict | None, ranked: Sequence[float], count: int) -> str:
    if record is None:
        return '-'
    text = f'{record["psnr"]:.2f}'
    if record['images'] == count and len(ranked) > 1:
        text = {ranked[0]: f'**{text}**', ranked[1]: f'<u>{text}</u>'}.get(round(record['psnr'], 2), text)
    if record['difference'] is not None:
        text += f' ({record["difference"]:+.2f})'
    return text + (f' {record["images"]} images' if record['images'] < count else '')


def architecture_markdown(records: Sequence[dict], results: Mapping[str, list[dict]]) -> str:
    """Return Table I as Markdown; see :func:`architecture_records`."""
    held_out = [key for key in records[0] if key.startswith('held_out')]
    heads = ['architecture', 'weights (k)', 'paper (k)', 'parameters', 'multiply-adds (G) at 512 x 768', 'PSNR (dB)']
    heads += ['paper (dB)', 'difference', *(f'{key.replace("_", " ")} (dB)' for key in held_out)]
    rows = []
    for record in records:
        measured = ['-', '-'] if record['psnr'] is None else [f'{record["psnr"]:.2f}', f'{record["difference"]:+.2f}']
        course = ['-' if record[key] is None else f'{record[key]:.2f}' for key in held_out]
        counts = [f'{record["weights"] / 1e3:.1f}', f'{record["paper_weights"] / 1e3:.0f}', f'{record["parameters"]:,}']
        counts.append(f'{record["multiply_adds"] / 1e9:.1f}')
        rows.append([record['architecture'], *counts, measured[0], f'{record["paper"]:.2f}', measured[1], *course])
    lines = [markdown_table(heads, rows)]
    if len(results) > 2:
        whole, low, high = rank_correlation(results)
        lines += ['', f"Spearman's rank correlation of our PSNR with the paper's: {whole:.2f} [{low:.2f}, {high:.2f}]."]
    return '\n'.join(lines) + '\n'

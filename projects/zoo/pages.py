"""Write what shows the zoo: blocks of README.md and of three pages in docs/, and weights/metafile.yml."""

import csv
import json
from pathlib import Path

from semrestore.corruptions import ALEXNET_ERRORS
from semrestore.evaluation.robustness import robustness_markdown
from semrestore.markdown import filled, markdown_table
from semrestore.weights.zoo import published

ROOT = Path(__file__).parents[2]
CSV, PAGE, README, METAFILE, LOGS = (
    ROOT / name for name in ('results/zoo.csv', 'docs/model_zoo.md', 'README.md', 'weights/metafile.yml', 'results/zoo')
)
ENSEMBLE, RECIPES, BREADTH = (ROOT / f'results/{name}.csv' for name in ('ensemble', 'recipe', 'breadth'))
RECOGNITION, NOTES, RESULTS = (ROOT / f'docs/{name}.md' for name in ('recognition', 'training_notes', 'results'))
CORRUPTIONS = ROOT / 'results/imagenet_c.csv'
STUDIES = {name: ROOT / f'results/{name}_study.csv' for name in ('breadth', 'recognition', 'closing')}
"""Short trainings that were compared on photos held out from all training."""
SETS = {'cbsd68': 'CBSD68', 'kodak24': 'Kodak', 'embedded': 'embedded photos'}
PHOTOGRAPHS = 'cc15'
OURS = ('Proposed', 'blind')
BREADTH_COLUMNS = {
    f'{title} {sigma}' if sigma != '0' else f'{title} clean': (f'{name}/PSNR', sigma)
    for title, name, sigmas in (
        ('plain', 'held_out', ('0', '15', '25', '50')),
        ('saturated', 'held_out_saturated', ('0', '5', '15', '25', '50')),
        ('grey', 'held_out_grey', ('0', '15', '25', '50')),
    )
    for sigma in sigmas
}
COLUMNS = 5  # of the plot of the losses
AUTHORS_MCWNNM = 36.88  # measured on the images that the authors published


def read_rows(path: Path = CSV) -> list[dict]:
    """Return the rows of a CSV file, none if it is not there."""
    if not path.is_file():
        return []
    with open(path, encoding='utf-8') as file:
        return list(csv.DictReader(file))


def pages() -> dict[Path, str]:
    """Return the content of the files that are generated or have generated blocks."""
    from projects.zoo.recognition import recognition_blocks, study_block

    rows = read_rows()
    heads = ['weights', 'round', 'file', 'iterations, all in all', 'seconds, all in all', 'device of the last training']
    made = [
        [
            name,
            one.get('round', 0),
            f'`{one["file"]}`',
            f'{one["iterations"]:,}',
            f'{one["wall_time_s"]:,}',
            one['device'],
            f'`{one["command"]}`',
        ]
        for name, one in published().items()
    ]
    blocks = dict(
        table=_table(rows),
        peers=_peers(),
        breadth=_breadth(),
        breadth_study=_study('breadth', BREADTH_COLUMNS),
        recognition_study=study_block(),
        closing_study=_study('closing', {'sigma 25 (dB)': ('held_out/PSNR', '25')}),
        made=markdown_table([*heads, 'command'], made, 'lrlrrl'),
        photographs=_photographs(rows),
        ensemble=_ensemble(),
        recipes=_recipes(),
        corruptions=_corruptions(),
    )
    blocks |= recognition_blocks()
    texts = {path: path.read_text(encoding='utf-8') for path in (README, PAGE, RECOGNITION, NOTES, RESULTS)}
    return {path: filled(text, 'zoo', blocks.__getitem__) for path, text in texts.items()} | {METAFILE: _metafile(rows)}


def _table(rows: list[dict]) -> str:
    values = {
        (row['weights'], row['sigma'], row['test_set']): float(row['value'])
        for row in rows
        if row['metric'] == 'PSNR' and row['test_set'] in SETS
    }
    lines = []
    for name, sigma in dict.fromkeys((name, sigma) for name, sigma, _ in values):
        cells = [
            f'{values[name, sigma, test_set]:.2f}' if (name, sigma, test_set) in values else '-' for test_set in SETS
        ]
        lines.append([f'`{name}`', sigma, *cells])
    return markdown_table(['weights', 'sigma', *(f'{title}, PSNR (dB)' for title in SETS.values())], lines)


def _photographs(rows: list[dict]) -> str:
    """Return the figures on photographs of real noise, beside MCWNNM by its authors and by us."""
    noisy, mcwnnm = (
        json.loads((ROOT / f'results/cc15_{name}.json').read_text(encoding='utf-8'))['metrics'][f'{PHOTOGRAPHS}/PSNR']
        for name in ('noisy', 'mcwnnm')
    )
    values = {'the noisy photographs': noisy, "MCWNNM, its authors' outputs": AUTHORS_MCWNNM, 'MCWNNM, ours': mcwnnm}
    values |= {
        f'`{row["weights"]}`': float(row['value'])
        for row in rows
        if (row['test_set'], row['metric']) == (PHOTOGRAPHS, 'PSNR')
    }
    return '\n'.join(
        [
            '| | mean PSNR of 15 (dB) |',
            '| --- | ---: |',
            *(f'| {name} | {value:.2f} |' for name, value in values.items()),
        ]
    )


def _peers() -> str:
    """Return the published weights beside the peers, on the same noise."""
    lines = []
    for number, test_set in ((3, 'CBSD68'), (2, 'Kodak')):
        means = []
        for path in sorted((ROOT / 'results').glob(f'table{number}*.json')):
            records = json.loads(path.read_text(encoding='utf-8'))['records']
            means += [record for record in records if record['image'] == 'mean' and record['psnr'] is not None]
        whole = max(record['images'] for record in means)
        means = [record for record in means if record['images'] == whole]  # not what was run on some of the images
        methods = list(dict.fromkeys(record['method'] for record in means))
        methods.sort(key=OURS.__contains__)  # ours last
        rows = []
        for sigma in sorted({record['sigma'] for record in means}):
            found = {record['method']: record['psnr'] for record in means if record['sigma'] == sigma}
            cells = [f'{found[method]:.2f}' if method in found else '-' for method in methods]
            rows.append([f'{sigma:g}', *cells])
        lines += [f'### {test_set}, beside the peers on the same noise', markdown_table(['sigma', *methods], rows, 'r')]
    return '\n\n'.join(lines)


def _corruptions() -> str:
    """Return ImageNet-C's protocol: the means of each method, then helped and harmed by corruption."""
    from projects.zoo.recognition import TITLES

    records = [{name: _number(value) for name, value in row.items() if value != ''} for row in read_rows(CORRUPTIONS)]
    if not records:
        return 'Not measured yet.'
    for record in records:
        record['task'] = TITLES[record['task']]
    lines = [robustness_markdown(records, full=False).strip()]
    methods = list(dict.fromkeys(record['method'] for record in records))
    found = {(record['task'], record['method'], record['corruption']): record for record in records}
    names = [name for name in ALEXNET_ERRORS if any(record['corruption'] == name for record in records)]
    for task in dict.fromkeys(record['task'] for record in records):
        rows = []
        for name in names:
            of = {method: found[task, method, name] for method in methods}
            harm = {
                method: f' ({one["helped"]} / {one["harmed"]})' if 'helped' in one else '' for method, one in of.items()
            }
            rows.append([name.replace('_', ' '), *(f'{one["value"]:.1f}{harm[method]}' for method, one in of.items())])
        lines += ['', f'{task}, top-1 (%) by corruption, the mean of five severities, with helped / harmed:', '']
        lines.append(markdown_table(['corruption', *methods], rows))
    return '\n'.join(lines)


def _number(text: str) -> str | float:
    """Return a CSV file's cell as a number, if it is one."""
    try:
        number = float(text)
    except ValueError:
        return text
    return int(number) if text.isdecimal() else number


def _breadth() -> str:
    """Return the weights' figures on the plain and the altered test sets."""
    rows = read_rows(BREADTH)
    found = {(row['weights'], row['sigma'], row['test_set']): float(row['psnr']) for row in rows}
    sets = list(dict.fromkeys(row['test_set'] for row in rows))
    lines = []
    for weights, sigma in dict.fromkeys((row['weights'], row['sigma']) for row in rows):
        cells = [f'{found[weights, sigma, name]:.2f}' if (weights, sigma, name) in found else '-' for name in sets]
        lines.append([f'`{weights}`', sigma, *cells])
    heads = ['weights', 'sigma', *(name.replace('_', ', ') for name in sets)]
    return markdown_table(heads, lines) if rows else 'Not measured yet.'


def _study(study: str, columns: dict[str, tuple[str, str]]) -> str:
    """Return the runs of a study, one row each: the mean over its seeds and their spread.

    Args:
        study: Its name.
        columns: Titles, with the metric and the noise level that each shows.
    """
    found: dict[str, dict[tuple[str, str], list[float]]] = {}
    for row in read_rows(STUDIES[study]):
        arm = row['training'].split('/')[1]
        found.setdefault(arm, {}).setdefault((row['metric'], row['sigma']), []).append(float(row['value']))
    if not found:
        return 'Not run yet.'
    rows = [
        [arm, max(map(len, values.values())), *(_with_spread(values.get(key, [])) for key in columns.values())]
        for arm, values in found.items()
    ]
    return markdown_table(['run', 'seeds', *columns], rows)


def _with_spread(values: list[float]) -> str:
    if not values:
        return '-'
    half = (max(values) - min(values)) / 2
    return f'{sum(values) / len(values):.2f}' + (f' ± {half:.2f}' if len(values) > 1 else '')


def _ensemble() -> str:
    lines = []
    for row in read_rows(ENSEMBLE):
        means = [f'{float(row[key]):.2f}' for key in ('psnr', 'psnr_x8')]
        gains = f'{float(row["least_gain"]):.2f} to {float(row["most_gain"]):.2f}'
        lines.append([f'`{row["weights"]}`', SETS[row['test_set']], *means, gains])
    return markdown_table(['weights', 'test set', 'PSNR (dB)', 'x8 (dB)', 'gain of an image (dB)'], lines, 'llr')


def _recipes() -> str:
    lines = [
        [row['recipe'], f'{int(row["iterations"]):,}', f'{float(row["psnr"]):.2f}', row['ssim']]
        for row in read_rows(RECIPES)
    ]
    return markdown_table(['recipe', 'iterations', 'PSNR (dB)', 'SSIM'], lines)


def _metafile(rows: list[dict]) -> str:
    """Return OpenMMLab's list of models."""
    import yaml

    collection = dict(
        Name='MultiScaleDenoiser',
        Metadata={'Parameters': 1_033_443},
        Paper=dict(
            Title='Connecting Image Denoising and High-Level Vision Tasks via Deep Learning',
            URL='https://arxiv.org/abs/1809.01826',
        ),
        README='docs/model_zoo.md',
    )
    models = []
    for name, entry in published().items():
        found: dict[tuple, dict] = {}
        for row in rows:
            if row['weights'] == name:
                found.setdefault((row['test_set'], row['sigma']), {})[f'{row["metric"]} (sigma {row["sigma"]})'] = (
                    float(row['value'])
                )
        results = [
            dict(Task='Image Denoising', Dataset=SETS.get(test_set, test_set), Metrics=metrics)
            for (test_set, _), metrics in found.items()
        ]
        models.append(
            {
                'Name': name,
                'In Collection': 'MultiScaleDenoiser',
                'Metadata': {'Training Data': entry['data']},
                'Config': entry['config'],
                'Weights': f'weights/{entry["file"]}',
                'Results': results,
            }
        )
    note = '# Generated by `python -m projects.zoo page` from results/zoo.csv and weights/zoo.json.\n'
    return note + yaml.safe_dump(dict(Collections=[collection], Models=models), sort_keys=False)


def write_pages() -> None:
    """Write the pages and draw the curves."""
    for path, text in pages().items():
        path.write_text(text, encoding='utf-8')
        print(f'wrote {path.relative_to(ROOT)}')
    draw()


def draw() -> None:
    """Draw the loss of each network's last run: mean over 5 logged iterations with its standard error."""
    from statistics import mean, stdev

    from matplotlib.figure import Figure
    from PIL import Image

    lines = -(-len(published()) // COLUMNS)
    figure = Figure(figsize=(2.6 * COLUMNS, 2.4 * lines), layout='constrained')
    axes = figure.subplots(lines, COLUMNS, squeeze=False)
    for axis in axes.flat[len(published()) :]:
        axis.remove()
    for axis, name in zip(axes.flat, published(), strict=False):
        rows = read_rows(LOGS / f'{name}.csv')
        last = [row for row in rows if row['run'] == rows[-1]['run'] and int(row['iteration']) % 100 == 0]
        groups = (
            [last[start : start + 5] for start in range(0, len(last) - 4, 5)]
            if len(last) >= 10
            else [[row] for row in last]
        )
        losses = [[float(row['loss']) for row in group] for group in groups]
        errors = [stdev(values) / len(values) ** 0.5 if len(values) > 1 else 0 for values in losses]
        axis.errorbar(
            [int(group[-1]['iteration']) for group in groups], [mean(values) for values in losses], errors, marker='.'
        )
        axis.set_title(name, fontsize='small')
        axis.set_xlabel('iteration of the last run', fontsize='small')
        axis.ticklabel_format(axis='y', style='sci', scilimits=(-3, -3))
        axis.tick_params(labelsize='x-small')
        axis.grid(alpha=0.3)
    for axis in axes[:, 0]:
        axis.set_ylabel('loss', fontsize='small')
    path = ROOT / 'docs/images/zoo.png'
    figure.savefig(path, dpi=100)
    Image.open(path).convert('RGB').quantize().save(path, optimize=True)  # a third of the size

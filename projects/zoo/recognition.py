"""Measure the weights for recognition in front of networks that took part in their training, and of others."""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from projects.zoo.pages import ROOT
from semrestore.markdown import markdown_table

RESULTS, CELLS = ROOT / 'results/recognition.json', ROOT / 'work_dirs/zoo/recognition'
NETWORKS = {
    'lite0': 'efficientnet_lite0_imagenet_samples',
    'squeezenet': 'squeezenet11_imagenet_samples',
    'segmenter': 'deeplabv3_mobilenetv2_voc2012',
    'mobilenetv2': 'mobilenetv2_imagenet_samples',
    'lite1': 'efficientnet_lite1_imagenet_samples',
    'lite2': 'efficientnet_lite2_imagenet_samples',
}
"""Configs of ``configs/evaluation``, by the name that a training has for the network."""
STUDY_TITLES = {'lite0': 'EfficientNet-Lite0', 'squeezenet': 'SqueezeNet 1.1'}
JUDGES = ('mobilenetv2', 'lite1', 'lite2')
"""No weights are trained through these or chosen by them."""
TITLES = {
    'efficientnet_lite0_imagenet_samples': 'EfficientNet-Lite0',
    'squeezenet11_imagenet_samples': 'SqueezeNet 1.1',
    'deeplabv3_mobilenetv2_voc2012': 'DeepLabv3-MobileNetV2',
    'mobilenetv2_imagenet_samples': 'MobileNetV2',
    'efficientnet_lite1_imagenet_samples': 'EfficientNet-Lite1',
    'efficientnet_lite2_imagenet_samples': 'EfficientNet-Lite2',
}
STUDY, STUDY_SIGMAS = ROOT / 'results/recognition_study.json', (30, 60)
SIGMAS = (0, 15, 30, 45, 60)
NOISES = {'poisson_gaussian': "a sensor's", 'camera': "a camera's", 'noisy_jpeg': 'white, then JPEG'}
"""Configs of ``configs/_base_/degradations``, with the titles of their rows."""
OURS = {'recognition': 'recognition-blind', 'pixel-trained': 'multiscale-blind'}
"""Published weights by the names of their columns."""
MIXED = {'universal': 'recognition-universal', 'real': 'multiscale-real'}
"""Those for other noise than white, which are measured on it, at sigma 30 and on clean images."""
MIXED_SIGMAS = (0, 30)
FFDNET = 'FFDNet=work_dirs/weights/ffdnet.pth'
"""It is told the noise level, and runs on all images."""
SLOW_WHITE, SLOW_BLIND = 'bm3d', 'DnCNN=work_dirs/weights/dncnn_blind.pth'
"""The first is told the noise level. They run on some of the images."""
KEPT = (
    'task', 'metric', 'sigma', 'method', 'images', 'value', 'low', 'high', 'psnr', 'place', 'recovery', 'helped',
    'harmed', 'difference', 'difference_low', 'difference_high', 'ahead', 'ahead_low', 'ahead_high',
)  # fmt: skip
KEY = ('task', 'metric', 'sigma', 'method')


def measure_recognition(
    images: int | None, peers: int, noises: Sequence[str] = (), networks: Sequence[str] = ()
) -> None:
    """Put the methods before every network, and write their figures into results/recognition.json.

    Denoisers compute in bfloat16 where the machine is faster so. What was measured before is not run again while
    ``work_dirs/zoo/recognition`` is there, and its figures stay in the file as long as the weights are the same.

    Args:
        images: How many of each network's images, evenly spread; all by default.
        peers: On how many of them BM3D and DnCNN run, which take long; 0 leaves them out.
        noises: Levels and names out of ``SIGMAS`` and ``NOISES``; all by default.
        networks: Names out of ``NETWORKS``; all by default.
    """
    import torch

    from semrestore.engine import bf16_is_fast
    from semrestore.evaluation.cross_task import gaussian_noises, named_noise, run_cells, task_configs
    from semrestore.evaluation.matrix import Matrix
    from semrestore.evaluation.methods import Method, parse_method
    from semrestore.files import write_text

    tasks: dict = {}
    for name in [config for name, config in NETWORKS.items() if not networks or name in networks]:
        tasks |= task_configs(str(ROOT / f'configs/evaluation/{name}.py'))
    ours = [parse_method(text, '') for text in ('noisy', 'clean')]
    ours += [Method(title, checkpoint=f'zoo:{name}') for title, name in OURS.items()]
    mixed = [Method(title, checkpoint=f'zoo:{name}') for title, name in MIXED.items()]
    ffdnet = parse_method(FFDNET, '')
    blind = [parse_method(SLOW_BLIND, '')] if peers else []
    slow = [parse_method(SLOW_WHITE, ''), *blind] if peers else []
    limits = {method.name: images for method in [*ours, *mixed, ffdnet] if images}
    limits |= {method.name: peers for method in slow}
    dtype = torch.bfloat16 if bf16_is_fast() else torch.float32
    sigmas = [sigma for sigma in SIGMAS if not noises or str(sigma) in noises]
    named = {
        name: named_noise(str(ROOT / f'configs/_base_/degradations/{name}.py'), 'NOISES')
        for name in NOISES
        if not noises or name in noises
    }
    cells = run_cells(tasks, [*ours, ffdnet, *slow], gaussian_noises(sigmas), CELLS, limits, dtype)
    cells += run_cells(tasks, [*ours, *mixed, *blind], named, CELLS, limits, dtype)
    few = [sigma for sigma in sigmas if sigma in MIXED_SIGMAS]
    cells += run_cells(tasks, mixed, gaussian_noises(few), CELLS, limits, dtype)
    order = [*sigmas, *named]
    records = Matrix(cells, order, 'pixel-trained').records()
    peers_there = [method.name for method in [ffdnet, *slow]]
    _add_lead(records, Matrix(cells, order, 'recognition').records(), peers_there)
    _add_lead(records, Matrix(cells, order, 'universal').records(), ['real'])
    kept = [_short(record) for record in records if record['metric'] in ('top-1', 'mIoU')]
    content = dict(weights=_files(), dtype=str(dtype), records=_with_earlier(kept))
    write_text(RESULTS, json.dumps(content, indent=0) + '\n')
    print(f'wrote {RESULTS.relative_to(ROOT)}')


def _add_lead(records: Sequence[dict], against: Sequence[dict], methods: Sequence[str]) -> None:
    """Add to some methods how far the reference of ``against`` is ahead of them on the images of both."""
    for record, other in zip(records, against, strict=True):
        if record['method'] in methods and 'difference' in other:
            lead = [-other[key] for key in ('difference', 'difference_high', 'difference_low')]
            record |= dict(zip(('ahead', 'ahead_low', 'ahead_high'), lead, strict=True))


def _with_earlier(records: Sequence[dict]) -> list[dict]:
    """Return records with those of earlier runs that they do not replace, if these had the same weights."""
    before = json.loads(RESULTS.read_text(encoding='utf-8')) if RESULTS.is_file() else dict(weights={}, records=[])
    changed = [title for title, file in _files().items() if before['weights'].get(title) != file]
    # A difference is to the reference, so other weights of the reference make it invalid.
    earlier = [] if 'pixel-trained' in changed else before['records']
    earlier = [record for record in earlier if record['method'] not in changed]
    if {'recognition', 'universal'} & set(changed):  # 'ahead' is relative to these weights
        earlier = [record for record in earlier if 'ahead' not in record]
    known = {tuple(record[key] for key in KEY): record for record in [*earlier, *records]}
    tasks, noises = list(NETWORKS.values()), [*SIGMAS, *NOISES]
    return sorted(known.values(), key=lambda record: (tasks.index(record['task']), noises.index(record['sigma'])))


def _short(record: dict) -> dict:
    return {
        key: round(record[key], 3) if isinstance(record[key], float) else record[key] for key in KEPT if key in record
    }


def _files() -> dict[str, str]:
    from semrestore.weights.zoo import published

    return {title: published()[name]['file'] for title, name in (OURS | MIXED).items()}


def compare_study(out: Path) -> None:
    """Compare the runs of the study with the run ``lite0`` of the same seed, photo by photo.

    Writes results/recognition_study.json. What was measured before is not run again while
    ``work_dirs/zoo/recognition`` is there.

    Args:
        out: Folder of the queue's runs.
    """
    import torch

    from projects.zoo.trainings import PLAN, read_plan
    from semrestore.engine import bf16_is_fast
    from semrestore.evaluation.cross_task import gaussian_noises, run_cells, task_configs
    from semrestore.evaluation.matrix import Matrix
    from semrestore.evaluation.methods import Method, parse_method
    from semrestore.files import write_text
    from semrestore.weights.read import latest_checkpoint

    dtype = torch.bfloat16 if bf16_is_fast() else torch.float32
    confidence = [f'model.tasks.{name}.score=Confidence' for name in STUDY_TITLES]
    tasks = task_configs(str(ROOT / 'configs/evaluation/held_out_recognition.py'), confidence)
    runs: dict[str, list[Method]] = {}
    for training in read_plan(PLAN):
        folder = training.folder(out)
        if training.then == 'recognition' and (folder / 'finished').is_file():
            arm, seed = training.name.split('/')[1:]
            runs.setdefault(seed, []).append(Method(arm, checkpoint=latest_checkpoint(folder)))
    records = []
    for seed, methods in runs.items():
        others = [parse_method('noisy', ''), Method('pixel-trained', checkpoint='zoo:multiscale-blind')]
        sigmas = gaussian_noises(STUDY_SIGMAS)
        cells = run_cells(tasks, [*others, *methods], sigmas, CELLS / f'study{seed}', {}, dtype)
        found = Matrix(cells, STUDY_SIGMAS, 'lite0').records()
        records += [dict(seed=int(seed), **_short(record)) for record in found if record['sigma'] in STUDY_SIGMAS]
    write_text(STUDY, json.dumps(dict(dtype=str(dtype), records=records), indent=0) + '\n')
    print(f'wrote {STUDY.relative_to(ROOT)}')


def recognition_blocks() -> dict[str, str]:
    """Return the tables of docs/recognition.md."""
    if not RESULTS.is_file():
        names = ('summary', 'seen', 'unseen', 'other', 'peers')
        return dict.fromkeys([f'recognition_{name}' for name in names], 'Not measured yet.')
    records = json.loads(RESULTS.read_text(encoding='utf-8'))['records']
    for record in records:
        record['task'], record['recovery'] = TITLES[record['task']], record.get('recovery')
        record['sigma'] = {0: 'none', **NOISES}.get(record['sigma'], record['sigma'])
    judges = [TITLES[NETWORKS[name]] for name in JUDGES]
    white = [record for record in records if record['sigma'] not in NOISES.values() and record['method'] not in MIXED]
    unseen = [record for record in white if record['task'] in judges]
    seen = [record for record in white if record['task'] not in judges]
    return dict(
        recognition_other=_other_noise(records, judges),
        recognition_summary=_summary(unseen),
        recognition_unseen=_by_network(unseen),
        recognition_seen=_by_network(seen),
        recognition_peers=_beside_peers(records),
    )


def _by_network(records: Sequence[dict]) -> str:
    """Return a table for each network: a row for each noise."""
    lines = []
    methods = ('noisy', 'clean', *OURS)
    for task, metric in dict.fromkeys((record['task'], record['metric']) for record in records):
        rows = [record for record in records if (record['task'], record['metric']) == (task, metric)]
        most = max(record['images'] for record in rows)
        titles = list(methods)
        for title in ('helped / harmed', 'PSNR (dB)'):
            titles += [f'{title}, {method}' for method in OURS]
        titles.append(f'{" less ".join(OURS)} (points)')
        lines += ['', f'### {task}, {metric} (%), {most} images', '', f'| noise | {" | ".join(titles)} |']
        lines.append('| --- |' + ' ---: |' * len(titles))
        for sigma in dict.fromkeys(record['sigma'] for record in rows):
            found = {record['method']: record for record in rows if record['sigma'] == sigma}
            ours = [found[method] for method in OURS]
            cells = [_recovered(found[method]) for method in methods]
            cells += [f'{one["helped"]} / {one["harmed"]}' for one in ours]
            cells += [f'{one["psnr"]:.2f}' for one in ours]
            cells.append(_difference(ours[0]))
            lines.append(f'| {sigma} | {" | ".join(cells)} |')
    return '\n'.join(lines).strip()


def _other_noise(records: Sequence[dict], judges: Sequence[str]) -> str:
    """Return the noises that the weights of ``MIXED`` were measured on: a row for each network and noise."""
    tables = []
    for title, seen in (('took no part in the training', False), ('took part in a training', True)):
        of = [record for record in records if (record['task'] not in judges) == seen]
        if any(record['method'] in MIXED for record in of):
            tables.append(f'### Networks that {title}, under other noise\n\n{_other_rows(of)}')
    return '\n\n'.join(tables) or 'Not measured yet.'


def _other_rows(records: Sequence[dict]) -> str:
    found = {(record['task'], record['sigma'], record['method']): record for record in records}
    methods = ('noisy', *OURS, *MIXED, 'clean')
    rows = []
    for task, sigma in dict.fromkeys((task, sigma) for task, sigma, method in found if method in MIXED):
        of = [found.get((task, sigma, method)) for method in methods]
        rows.append([task, sigma, *(_recovered(record) if record else '-' for record in of)])
        harm = [found.get((task, sigma, method)) for method in ('recognition', 'universal')]
        rows[-1] += [f'{record["helped"]} / {record["harmed"]}' if record else '-' for record in harm]
        rows[-1] += [f'{record["psnr"]:.2f}' if record else '-' for record in harm]
        rows[-1].append(_difference(found.get((task, sigma, 'recognition'), {})))
        rows[-1].append(_difference(found.get((task, sigma, 'real'), {}), 'ahead'))
    measures = ('helped / harmed', 'PSNR (dB)')
    heads = ['network', 'noise', *methods]
    heads += [f'{measure}, {name}' for measure in measures for name in ('recognition', 'universal')]
    heads += ['recognition less pixel-trained (points)', 'universal less real (points)']
    return markdown_table(heads, rows, 'llr')


def _recovered(record: dict) -> str:
    """Return a value, and the recovery in brackets."""
    recovery = '' if record['recovery'] is None else f' ({record["recovery"]:.0f} %)'
    return f'{record["value"]:.1f}{recovery}'


def _difference(record: dict, key: str = 'difference') -> str:
    if key not in record:
        return '-'
    return f'{record[key]:+.1f} [{record[f"{key}_low"]:+.1f}, {record[f"{key}_high"]:+.1f}]'


def _beside_peers(records: Sequence[dict]) -> str:
    """Return the peers' values, and how far ``recognition`` is ahead on the same images."""
    found = {(record['task'], record['sigma'], record['method']): record for record in records}
    peers = list(dict.fromkeys(method for _, _, method in found if method not in ('noisy', 'clean', *OURS, *MIXED)))
    if not peers:
        return 'Not measured yet.'
    images = {record['task']: record['images'] for record in records if record['method'] == 'noisy'}
    on_few = {record['method'] for record in records if record['images'] < images[record['task']]}
    tables = [_peers_table(found, [peer for peer in peers if (peer in on_few) == few]) for few in (False, True)]
    return '\n\n'.join(table for table in tables if table)


def _peers_table(found: dict[tuple, dict], peers: Sequence[str]) -> str:
    rows = []
    for task, sigma in dict.fromkeys((task, sigma) for task, sigma, method in found if method in peers):
        row = [found.get((task, sigma, method)) for method in peers]
        images = max(record['images'] for record in row if record)
        cells = [f'{record["value"]:.1f} ({_difference(record, "ahead")})' if record else '-' for record in row]
        rows.append([task, sigma, images, *cells])
    return markdown_table(['network', 'noise', 'images', *peers], rows, 'llr') if rows else ''


def study_block() -> str:
    """Return the runs of the study, each less the run ``lite0`` of the same seed, with paired intervals over photos."""
    if not STUDY.is_file():
        return 'Not measured yet.'
    records = json.loads(STUDY.read_text(encoding='utf-8'))['records']
    tasks = list(dict.fromkeys(record['task'] for record in records))
    columns = [(task, sigma) for task in tasks for sigma in STUDY_SIGMAS]
    titles = [f'{STUDY_TITLES[task.rpartition("-")[2]]}, sigma {sigma}' for task, sigma in columns]
    lines = ['| run | ' + ' | '.join(titles) + f' | PSNR at {STUDY_SIGMAS[0]} (dB) |']
    lines.append('| --- |' + ' ---: |' * (len(columns) + 1))
    for method in dict.fromkeys(record['method'] for record in records):
        row = [record for record in records if record['method'] == method]
        cells = [_differences([one for one in row if (one['task'], one['sigma']) == column]) for column in columns]
        psnr = [one['psnr'] for one in row if one['sigma'] == STUDY_SIGMAS[0] and one['psnr'] is not None]
        lines.append(f'| {method} | {" | ".join(cells)} | {sum(psnr) / len(psnr):.2f} |')
    return '\n'.join(lines)


def _differences(records: Sequence[dict]) -> str:
    """Return a mean over the seeds, and each seed's difference; bold where every interval leaves out zero."""
    text = f'{sum(record["value"] for record in records) / len(records):.1f}'
    paired = [record for record in records if record.get('difference') is not None]
    if not paired:
        return text
    differences = ', '.join(
        f'{one["difference"]:+.1f} [{one["difference_low"]:+.1f}, {one["difference_high"]:+.1f}]' for one in paired
    )
    proven = all(one['difference_low'] > 0 for one in paired) or all(one['difference_high'] < 0 for one in paired)
    return f'{text} (**{differences}**)' if proven else f'{text} ({differences})'


def _summary(records: Sequence[dict]) -> str:
    """Return the mean over networks, for each noise and each method that ran on all images."""
    images = max(record['images'] for record in records)
    counts = Counter(record['method'] for record in records if record['images'] == images)
    whole = [method for method, count in counts.items() if count == counts['noisy']]
    networks = len({record['task'] for record in records})
    title = f'Mean top-1 (%) of {networks} networks that no denoiser was trained through, on {images} photos each'
    counted = f'Helped and harmed are summed over the {networks} networks ({networks * images} answers)'
    recovery = "Brackets hold the mean of the networks' recoveries"
    lines = [f'{title}. {recovery}. {counted}:', '']
    lines += [f'| noise | {" | ".join([*whole, *(f"helped / harmed, {method}" for method in OURS)])} |']
    lines += ['| --- |' + ' ---: |' * (len(whole) + 2)]
    for sigma in dict.fromkeys(record['sigma'] for record in records):
        if len({record['task'] for record in records if record['sigma'] == sigma}) < networks:
            continue
        cells = []
        for method in whole:
            row = [record for record in records if (record['sigma'], record['method']) == (sigma, method)]
            text = f'{sum(record["value"] for record in row) / len(row):.1f}'
            if sigma != 'none' and all(record['recovery'] is not None for record in row):
                text += f' ({sum(record["recovery"] for record in row) / len(row):.0f} %)'
            cells.append(text)
        for method in OURS:
            row = [record for record in records if (record['sigma'], record['method']) == (sigma, method)]
            cells.append(' / '.join(str(sum(record.get(key, 0) for record in row)) for key in ('helped', 'harmed')))
        lines.append(f'| {sigma} | ' + ' | '.join(cells) + ' |')
    return '\n'.join(lines)

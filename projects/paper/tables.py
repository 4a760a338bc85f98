"""Regenerate the paper's Table I, II or III, with the paper's figure beside each of ours.

  1  architecture ablation: parameters, multiply-adds, PSNR on Kodak at sigma 35
  2  each Kodak image, five methods, sigma 25, 35 and 50
  3  CBSD68, the same methods and levels

Methods of Tables II and III are Noisy, Wavelet, CBM3D, MCWNNM, DnCNN, FFDNet, Proposed, or

  NAME=CHECKPOINT        a denoiser by its weights: a file or a published name; {sigma} stands for the noise level
  NAME=CONFIG            the denoiser of a config, without weights
  NAME=CONFIG:CHECKPOINT the denoiser of a config, with weights
  KIND                   a method without weights, by the name of its class

Proposed is the published weights of each level. The other named methods have their weights in --weights, as
dncnn_sigma25.pth, ffdnet.pth and so on. Table I looks there for the folders of trainings, which python -m projects.zoo
train makes in work_dirs/zoo/table1. A missing file leaves a gap. CBM3D needs a package for non-commercial use only:
pip install 'semrestore[baselines]'.

Example:
  python -m projects.paper.tables 3 --out work_dirs/tables
"""

import argparse
import hashlib
import importlib.util
import json
import math
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from mmengine.registry import DefaultScope

from projects.paper.published import TABLE_1
from projects.paper.records import architecture_markdown, architecture_records, image_markdown, image_records
from semrestore.cli.options import new_parser, positive_sigma
from semrestore.cli.run import run
from semrestore.config import load_config
from semrestore.config.libraries import CONFIGS
from semrestore.config.load import load_denoiser_config
from semrestore.denoisers.cost import multiply_adds, parameters
from semrestore.errors import UserError
from semrestore.evaluation.bench import Bench
from semrestore.evaluation.methods import Method, check_sources, check_unique, parse_limits, parse_method
from semrestore.evaluation.rows import Rows, evenly
from semrestore.files import make_folder, sha256, write_csv, write_text
from semrestore.registry import DATASETS, MODELS
from semrestore.visualization.curves import read_log
from semrestore.weights.build import THE_PAPERS
from semrestore.weights.read import latest_checkpoint
from semrestore.weights.zoo import PREFIX

ABLATION_SIGMA = 35
SIGMAS = (25, 35, 50)
PEERS = {
    'Noisy': Method('Noisy', kind='Identity'),
    'Wavelet': Method('Wavelet', kind='Wavelet'),
    'CBM3D': Method('CBM3D', kind='BM3D'),
    'MCWNNM': Method('MCWNNM', kind='MCWNNM'),
    'DnCNN': Method('DnCNN', kind='DnCNN', checkpoint='dncnn_sigma{sigma}.pth'),
    'FFDNet': Method('FFDNet', kind='FFDNet', checkpoint='ffdnet.pth'),
    'Proposed': Method('Proposed', checkpoint='zoo:multiscale-sigma{sigma}'),
}


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = new_parser(__doc__)
    parser.add_argument('table', type=int, choices=(1, 2, 3), help='the table')
    parser.add_argument(
        '--data-root',
        type=Path,
        default=Path(os.environ.get('SEMRESTORE_DATA', 'data')),
        metavar='DIR',
        help='folder with kodak24 and cbsd68 (default: $SEMRESTORE_DATA, or data)',
    )
    parser.add_argument(
        '--out',
        type=Path,
        required=True,
        metavar='DIR',
        help='folder for the table; finished images are not run again',
    )
    parser.add_argument(
        '--methods',
        nargs='+',
        default=list(PEERS),
        metavar='METHOD',
        help='columns (see above; default: all named methods)',
    )
    parser.add_argument(
        '--weights',
        type=Path,
        metavar='DIR',
        help='folder of checkpoints (default: work_dirs/weights; for Table I work_dirs/zoo/table1)',
    )
    parser.add_argument(
        '--sigma',
        nargs='+',
        type=positive_sigma,
        default=SIGMAS,
        metavar='S',
        help='noise levels on 0..255 of Tables II and III (default: 25 35 50)',
    )
    parser.add_argument(
        '--limit', nargs='+', default=[], metavar='METHOD=N', help='run a slow method on N images, evenly spread'
    )
    parser.add_argument('--seed', type=int, default=0, help="seed of the noise, with each image's name (default: 0)")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run ``python -m projects.paper.tables``."""
    options = parse(arguments)
    options.weights = options.weights or Path('work_dirs/zoo/table1' if options.table == 1 else 'work_dirs/weights')
    if options.table == 1:
        for name, given in (
            ('methods', options.methods != list(PEERS)),
            ('sigma', options.sigma != SIGMAS),
            ('limit', options.limit),
        ):
            if given:
                raise UserError(
                    f'--{name} is only for Tables II and III. Table I always has twelve architectures at sigma'
                    f' {ABLATION_SIGMA}, on all of Kodak'
                )
    bench = _TestSet(options, 'cbsd68' if options.table == 3 else 'kodak24')
    make_folder(options.out, '--out')
    records, text, origins = (_architectures if options.table == 1 else _images)(options, bench)
    name = f'table{options.table}'
    text = f'{text}\n{bench.note()}'
    write_text(options.out / f'{name}.md', text)
    means = [record for record in records if record.get('image') in (None, 'mean')]  # each image's is in the CSV file
    document = dict(records=means, cells=origins)
    write_text(options.out / f'{name}.json', json.dumps(document, indent=2, allow_nan=False) + '\n')
    write_csv(options.out / f'{name}.csv', records)
    print(text)
    print(f'{options.out}: {name}.md, {name}.csv, {name}.json')


def _architectures(options: argparse.Namespace, bench: '_TestSet') -> tuple[list[dict], str, list[dict]]:

    costs, results, courses, origins = {}, {}, {}, []
    for name in TABLE_1:
        run = options.weights / name
        checkpoint = latest_checkpoint(run) if (run / 'finished').is_file() else None
        checkpoint = checkpoint or str(run / 'finished')  # which is missing
        method = Method(name, checkpoint=checkpoint)
        denoiser = MODELS.build(load_denoiser_config(CONFIGS / f'ablation/{name}.py'))
        counts = dict(weights=parameters(denoiser, weights_alone=True), parameters=parameters(denoiser))
        costs[name] = counts | dict(multiply_adds=multiply_adds(denoiser))
        rows = bench.rows(method, ABLATION_SIGMA)
        if rows:
            results[name] = rows.rows
            courses[name] = read_log(run).get('held_out/PSNR', {})
            origins.append(dict(method=name, sigma=ABLATION_SIGMA, **rows.origin))
    records = architecture_records(costs, results, courses)
    return records, f'Table I, kodak24, sigma {ABLATION_SIGMA}.\n\n' + architecture_markdown(records, results), origins


def _images(options: argparse.Namespace, bench: '_TestSet') -> tuple[list[dict], str, list[dict]]:

    methods = [named_method(text, options.weights) for text in options.methods]
    names = [method.name for method in methods]
    check_unique(methods, '--methods')
    limits = parse_limits(options.limit, names)
    sigmas = list(dict.fromkeys(options.sigma))
    check_sources([method for method, text in zip(methods, options.methods, strict=True) if text not in PEERS], sigmas)
    results, origins = {}, []
    for method in methods:
        for sigma in sigmas:
            rows = bench.rows(method, sigma, limits.get(method.name))
            if rows:
                results[method.name, sigma] = rows.rows
                origins.append(dict(method=method.name, sigma=sigma, checkpoint=method.named(sigma), **rows.origin))
    records = image_records(bench.name, results)
    images = bench.image_names if options.table == 2 else ()
    title = f'Table {"II" if options.table == 2 else "III"}, {bench.name}.\n\n'
    return records, title + image_markdown(records, names, sigmas, len(bench.dataset), images), origins


def named_method(text: str, weights: Path) -> Method:
    """Return a column of Tables II and III by its name, or as ``NAME=CHECKPOINT`` and so on.

    Args:
        text: As behind ``--methods``.
        weights: Folder of the checkpoints of the named ones.

    Raises:
        UserError: It is no method.
    """
    if text == 'clean':
        raise UserError(
            "--methods: 'clean' is the reference of all methods and cannot be one. For the noisy images give Noisy"
        )
    if text not in PEERS:
        return parse_method(text, '--methods')
    peer = PEERS[text]
    if not peer.checkpoint or peer.checkpoint.startswith(PREFIX):
        return peer
    return replace(peer, checkpoint=str(weights / peer.checkpoint))


class _TestSet:
    """Hold a test set, and the rows of the denoisers that ran on it."""

    def __init__(self, options: argparse.Namespace, name: str) -> None:
        packing = dict(type='mmpretrain.PackInputs', meta_keys=('img_path', 'name', 'dataset_name'))
        source = dict(type='PhotoFolder', data_root=str(options.data_root), folder=name, name=name)
        source |= dict(how_to_get='docs/data.md says how to get it.', pipeline=[dict(type='LoadPhoto'), packing])
        load_config(CONFIGS / 'denoise/multiscale_sigma25_modern.py')  # which registers the transforms of mmpretrain
        with DefaultScope.overwrite_default_scope('semrestore'):
            self.dataset = DATASETS.build(source)
        self.name = name
        self.image_names = [self.dataset.get_data_info(index)['name'] for index in range(len(self.dataset))]
        self.folder = options.out / 'cells'
        self.seed = options.seed
        self.missing: list[str] = []
        model = dict(type='Cascade', denoiser=THE_PAPERS, degradation=dict(type='GaussianNoise', sigma=25))
        self.bench = Bench(model | dict(evaluation_seed=self.seed), self.dataset, f'the test set {name}')

    def note(self) -> str:
        """Return the table's note: the protocol, and the reasons for gaps."""
        text = 'Whole images, RGB, noise N(0, sigma) on 0..255 neither clipped nor quantised, output clipped and'
        text += f' rounded to 8 bits; noise seed {self.seed}.\n'
        if self.missing:
            text += f'Gaps, for want of: {", ".join(dict.fromkeys(self.missing))}.\n'
        return text

    def rows(self, method: Method, sigma: float, limit: int | None = None) -> Rows | None:
        """Return a method's scores, after running missing images; ``None`` if its weights are missing."""
        try:
            checkpoint = method.at(sigma)
        except UserError:
            self.missing.append(str(method.named(sigma)))
            return None
        denoiser = method.denoiser(THE_PAPERS, sigma)
        if denoiser['type'] == 'BM3D' and method.name in PEERS and importlib.util.find_spec('bm3d') is None:
            self.missing.append("the package of BM3D, for non-commercial use only: pip install 'semrestore[baselines]'")
            return None
        indices = evenly(len(self.dataset), limit)
        origin = dict(
            data=[self.name, self._digest()],
            denoiser=json.loads(json.dumps(denoiser, default=str)),
            checkpoint_sha256=sha256(checkpoint) if checkpoint else None,
            seed=self.seed,
            images=len(indices),
        )
        label = f'{self.name}-{method.name}-sigma{sigma:g}'
        stored = Rows(self.folder / f'{label}.jsonl', origin)
        if not stored.complete:
            self.bench.run(label, {None: stored}, method, sigma, dict(type='GaussianNoise', sigma=sigma), indices)
        if not all(isinstance(row['psnr'], float) for row in stored.rows):
            raise UserError(f"'{stored.path}' holds no valid scores. Remove it to measure them again")
        if any(math.isinf(row['psnr']) for row in stored.rows):
            raise UserError(f"'{label}' has an infinite PSNR, because sigma is below rounding. Use a larger sigma")
        return stored

    def _digest(self) -> str:
        digest = hashlib.sha256()
        for index in range(len(self.dataset)):
            info = self.dataset.get_data_info(index)
            digest.update(f'{info["name"]} {Path(info["img_path"]).stat().st_size}\n'.encode())
        return digest.hexdigest()


if __name__ == '__main__':
    sys.exit(run(main))

"""Put methods side by side (paper, Figs. 4, 6 and 7): a picture for each image, with a zoomed region, and a page with a slider.

  compare kodim08.png --methods noisy bm3d separate=A.pth joint=B.pth clean --sigma 25
  compare dog.jpg --methods noisy ours=zoo:multiscale-sigma30 clean --sigma 30 --task CONFIG
  compare '*_real.png' --references '*_mean.png' --methods noisy MCWNNM=semrestore::baselines/mcwnnm_photographs.py clean

Images are clean and get noise of --sigma, the same for all methods; or, with --references or --as-they-are, they are noisy themselves.
A method is one of

  noisy, clean        the noisy image itself, the clean one
  bm3d                a method without weights, by the name of its class in any case
  NAME=CHECKPOINT     the paper's network with these weights, a file or zoo:NAME; {sigma} stands for the noise level
  NAME=CONFIG:CHECKPOINT, NAME=CONFIG    the denoiser of that config, with weights or without
"""

import argparse
import copy
import re
from collections.abc import Sequence
from pathlib import Path

from semrestore.commands.cells import Method, check_sources, parse_method
from semrestore.commands.common import check_dpi, explained, load_quietly, tracked
from semrestore.errors import UserError
from semrestore.files import filling


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('images', nargs='+', metavar='IMAGE', help='image files, folders or globs')
    parser.add_argument('--methods', nargs='+', required=True, metavar='METHOD', help='columns, see above')
    parser.add_argument('--sigma', type=float, metavar='S', help='standard deviation of the noise to add, on 0..255')
    parser.add_argument('--references', nargs='+', metavar='IMAGE', help='the clean images of noisy ones, in the same order')
    parser.add_argument('--as-they-are', action='store_true', help='the images are noisy, and there are no clean ones')
    parser.add_argument('--task', metavar='CONFIG', help='config of a task: what its network sees in each image is shown')
    parser.add_argument('--region', metavar='TOP,LEFT,SIDE', help='pixels to enlarge (default: where the methods differ most)')
    parser.add_argument('--region-side', type=int, default=96, metavar='PIXELS', help='side of that region (default: 96)')
    parser.add_argument('--out', type=Path, required=True, metavar='DIR', help='folder for NAME.png and comparison.html')
    parser.add_argument('--dpi', type=int, default=150, help='resolution of the pictures (default: 150; 300 for print)')
    parser.add_argument('--seed', type=int, default=0, help='with the name of an image it seeds its noise (default: 0)')
    parser.add_argument('--device', help='such as cpu or cuda:1 (default: what there is)')
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run ``tools/visualize/compare.py``."""
    options = parse(arguments)
    _check(options)
    methods = [parse_method(text, '--methods') for text in options.methods]
    names = [method.name for method in methods]
    if len(set(names)) < len(names):
        raise UserError(f'--methods names {next(name for name in names if names.count(name) > 1)} twice')
    if options.as_they_are and 'clean' in names:
        raise UserError("--methods has 'clean', and with --as-they-are there are no clean images")
    check_sources([method for method in methods if '{sigma}' not in (method.checkpoint or '') or options.sigma], [options.sigma or 0])
    pairs = _pairs(options)
    region = _region(options.region)
    inputs = {path.resolve() for pair in pairs for path in pair if path}
    for image, _ in pairs:
        if (options.out / f'{image.stem}.png').resolve() in inputs:
            raise UserError(f"'{image.stem}.png' in --out '{options.out}' is one of the images; choose another --out")
        if (options.out / f'{image.stem}.png').exists() and not (options.out / 'comparison.html').exists():
            raise UserError(f"'{options.out / image.stem}.png' exists, and is of no comparison; choose another --out")
    _run(options, methods, pairs, region)


def _check(options: argparse.Namespace) -> None:
    from semrestore.degradations.base import LARGEST_SIGMA

    ways = [options.sigma is not None, bool(options.references), options.as_they_are]
    if sum(ways) != 1:
        raise UserError('one of --sigma (adds noise to clean images), --references (their clean partners) and --as-they-are is needed')
    if options.sigma is not None and not 0 < options.sigma <= LARGEST_SIGMA:
        raise UserError(f'--sigma is {options.sigma:g}; expected a number above 0, at most {LARGEST_SIGMA:g}')
    check_dpi(options.dpi)
    if options.region_side < 1:
        raise UserError(f'--region-side is {options.region_side}; expected at least 1')


def _pairs(options: argparse.Namespace) -> list[tuple[Path, Path | None]]:
    """Return each image with its clean partner, if it has one."""
    from semrestore.inference.files import find

    images = [path for path, _ in find(options.images)]
    stems = [path.stem for path in images]
    if len(set(stems)) < len(stems):
        raise UserError(f"two images are called '{next(stem for stem in stems if stems.count(stem) > 1)}', as the pictures would be")
    if not options.references:
        return [(path, None) for path in images]
    references = [path for path, _ in find(options.references)]
    if len(references) != len(images):
        raise UserError(f'there are {len(images)} images and {len(references)} --references; expected one for each, in the same order')
    return list(zip(images, references, strict=True))


def _region(text: str | None) -> tuple[int, int, int] | None:
    if text is None:
        return None
    if not re.fullmatch(r'\d+,\d+,[1-9]\d*', text):
        raise UserError(f"--region is '{text}'; expected TOP,LEFT,SIDE in pixels, such as 120,200,96")
    top, left, side = map(int, text.split(','))
    return top, left, side


def _run(options: argparse.Namespace, methods: Sequence[Method], pairs: Sequence, region: tuple | None) -> None:
    from mmengine.device import get_device

    from semrestore.visualization.comparison import Comparison, save_comparison, save_page

    device = options.device or get_device()
    with explained(f"--device '{device}' cannot be used"):
        denoisers = [_denoiser(method, options.sigma, device) for method in methods]
        task = _Task(options.task, device) if options.task else None
    pictures = [f'{image.stem}.png' for image, _ in pairs]
    with filling(options.out) as folder:

        def drawn(image: Path, reference: Path | None, picture: str) -> Comparison:
            comparison = _compare(options, methods, denoisers, image, reference, region, task, device)
            save_comparison(comparison, folder / picture, options.dpi)
            return comparison

        with tracked(list(zip(pairs, pictures, strict=True)), 'comparing') as images:
            # One at a time, since a photo by ten methods is a hundred megabytes.
            comparisons = (drawn(*pair, picture) for pair, picture in images)
            save_page(comparisons, folder / 'comparison.html', _title(options))
    print(f'{options.out}: {", ".join(pictures)}, comparison.html')


def _title(options: argparse.Namespace) -> str:
    return f'Gaussian noise of sigma {options.sigma:g}' if options.sigma is not None else 'Noisy photographs'


def _denoiser(method: Method, sigma: float | None, device: str):
    import torch
    from mmengine.registry import DefaultScope

    from semrestore.checkpoint import load_denoiser
    from semrestore.denoisers import InferenceDenoiser
    from semrestore.registry import MODELS

    with DefaultScope.overwrite_default_scope('semrestore'):
        denoiser = MODELS.build(method.denoiser(dict(type='MultiScaleDenoiser')))
    if method.checkpoint:
        load_denoiser(torch.nn.ModuleDict(dict(denoiser=denoiser)), method.at(sigma or 0))
    return InferenceDenoiser(denoiser.eval()).to(device)


def _compare(options, methods, denoisers, image: Path, reference: Path | None, region, task, device: str):
    import torch

    from semrestore.datasets import read_photo
    from semrestore.degradations import GaussianNoise, image_generator
    from semrestore.evaluation import psnr, to_8_bit
    from semrestore.visualization.comparison import Comparison, Shown, telling_region

    def load(path: Path):
        return task.load(path) if task else (torch.from_numpy(read_photo(path).copy()).permute(2, 0, 1).to(device) / 255, None)

    noisy, sample = load(image)
    clean, sigma = load(reference)[0] if reference else None, None
    if options.sigma is not None:
        clean = noisy
        batch, level = GaussianNoise(options.sigma)(clean[None], [image_generator(options.seed, image.stem)])
        noisy, sigma = batch[0], level
    if clean is not None and clean.shape != noisy.shape:
        raise UserError(f"'{image}' and '{reference}' differ in size: {tuple(noisy.shape[1:])} and {tuple(clean.shape[1:])}")
    comparison = Comparison(image.stem)
    for method, denoiser in zip(methods, denoisers, strict=True):
        if method.name == 'clean':
            restored = clean
        else:
            with explained(f"'{method.name}' cannot restore '{image}'"):
                restored = denoiser(noisy[None], sigma)[0]
                if not restored.isfinite().all():
                    raise ValueError('it returns values that are no numbers')
        quality = None if clean is None or method.name == 'clean' else psnr(to_8_bit(restored), to_8_bit(clean))
        comparison.shown.append(Shown(method.name, restored, quality))
    if task:
        task.judge(comparison, clean, sample)
    height, width = noisy.shape[1:]
    if region is None:
        compared = [one.image for one in comparison.shown if one.method not in ('noisy', 'clean')]
        if len(compared) < 2:
            compared = [one.image for one in comparison.shown]
        comparison.region = telling_region(compared if len(compared) > 1 else [noisy, compared[0]], options.region_side)
    elif region[0] + region[2] > height or region[1] + region[2] > width:
        raise UserError(f"--region {','.join(map(str, region))} is not inside '{image}', which has {height} rows and {width} columns")
    else:
        comparison.region = region
    return comparison


class _Task:
    """A task network that says what it sees, in images that its config's test pipeline loads."""

    def __init__(self, config: str, device: str) -> None:
        from mmengine.dataset import Compose
        from mmengine.registry import DefaultScope

        from semrestore.registry import DATASETS, MODELS

        cfg = load_quietly(config)
        if not cfg.model.get('task') or not cfg.get('test_dataloader'):
            raise UserError(f"config '{config}' of --task has no {'test_dataloader' if cfg.model.get('task') else 'task'}")
        data = cfg.test_dataloader.dataset
        with DefaultScope.overwrite_default_scope('semrestore'), explained(f"config '{config}' does not build"):
            self.task = MODELS.build(cfg.model.task).eval().to(device)
            self.preprocessor = MODELS.build(cfg.model.get('data_preprocessor') or dict(type='ImagePreprocessor')).to(device)
            # Photos need no annotations to be looked at.
            self.pipeline = Compose([step for step in data.pipeline if not re.search('Annotation|LabelMap', step['type'])])
            self.meta = getattr(DATASETS.get(data.type), 'METAINFO', {})
        self.config = config

    def load(self, path: Path):
        """Return an image as the network gets it, ``(3, H, W)``, 0..1, and its data sample."""
        with explained(f"'{path}' does not go through the test pipeline of '{self.config}'"):
            item = self.pipeline(dict(img_path=str(path), name=path.stem, dataset_name='', seg_fields=[], reduce_zero_label=False))
            data = self.preprocessor(dict(inputs=[item['inputs']], data_samples=[item['data_samples']]))
        return data['inputs'][0], data['data_samples'][0]

    def judge(self, comparison, clean, sample) -> None:
        """Add what the network sees in each image; right is what it sees in the clean one."""
        expected = None if clean is None else self._predict(clean, sample)
        for one in comparison.shown:
            seen = self._predict(one.image, sample)
            same = None if expected is None or one.method == 'clean' else self._agreement(seen, expected)
            if 'pred_label' in seen:
                one.label, one.good = self._class(int(seen.pred_label)), None if same is None else same == 1
            else:
                one.label = '' if same is None else f'{100 * same:.1f} % of pixels as in clean'
                one.overlay = self._overlay(one.image, seen.pred_sem_seg.data)

    def _predict(self, image, sample):
        import torch

        with torch.no_grad():
            prediction = self.task.predict(image[None], [copy.deepcopy(sample)])[0]
        if 'pred_label' not in prediction and 'pred_sem_seg' not in prediction:
            raise UserError(f"config '{self.config}' of --task: what its network returns is neither a label nor a segmentation")
        return prediction

    @staticmethod
    def _agreement(seen, expected) -> float:
        if 'pred_label' in seen:
            return float(seen.pred_label == expected.pred_label)
        return (seen.pred_sem_seg.data == expected.pred_sem_seg.data).float().mean().item()

    def _class(self, index: int) -> str:
        from mmpretrain.datasets.categories import IMAGENET_CATEGORIES

        names = self.meta.get('classes') or (IMAGENET_CATEGORIES if self.task.num_classes == len(IMAGENET_CATEGORIES) else ())
        return names[index].split(',')[0] if index < len(names) else f'class {index}'

    def _overlay(self, image, labels):
        import torch
        import torch.nn.functional as F
        from matplotlib import colormaps

        palette = self.meta.get('palette') or [[0, 0, 0]] + [[255 * part for part in colormaps['tab20'](i % 20)[:3]] for i in range(255)]
        colours = torch.tensor(palette, dtype=torch.float32)[labels.reshape(1, *labels.shape[-2:]).cpu().clamp_max(len(palette) - 1)]
        colours = colours.permute(0, 3, 1, 2) / 255
        if colours.shape[-2:] != image.shape[-2:]:  # mmseg returns the size of the annotation
            colours = F.interpolate(colours, image.shape[-2:])
        return 0.4 * image.cpu().clamp(0, 1) + 0.6 * colours[0]

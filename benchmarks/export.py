"""Compare engines and precisions: time, PSNR and size of one denoiser on one thread of a CPU.

The engines are PyTorch (`InferenceDenoiser`), `torch.compile`, `torch.export` and ONNX Runtime. They take turns on one
photo of CBSD68, so that other work on the machine slows all of them alike. A time is the fastest of the rounds. PSNR is
the mean over photos of CBSD68 with noise, the same for all engines. int8 takes its scales from the photos of BSDS432.

Example:
  taskset -c 0 python -m benchmarks.export --data-root $SEMRESTORE_DATA --out results/benchmark/export.json
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from benchmarks.measuring import add_data_root, machine, summary, write
from semrestore.acceleration import InferenceDenoiser
from semrestore.cli.options import new_parser
from semrestore.cli.run import run
from semrestore.errors import UserError
from semrestore.weights.build import load_denoiser
from semrestore.weights.export import export_denoiser
from semrestore.weights.export_int8 import export_int8
from semrestore.weights.zoo import resolve

WARM_UP = 1


class Engine(NamedTuple):
    """A way of running the denoiser."""

    name: str
    precision: str
    run: Callable[[Tensor], Tensor]
    bytes: int


def main(arguments=None) -> None:
    """Run the benchmark."""
    parser = new_parser(__doc__)
    add_data_root(parser, 'cbsd68 and bsds432')
    parser.add_argument(
        '--model',
        default='multiscale-blind',
        metavar='NAME',
        help='published weights (default: multiscale-blind)',
    )
    parser.add_argument('--sigma', type=float, default=25, help='noise level on 0..255 (default: 25)')
    parser.add_argument(
        '--photos', type=int, default=6, metavar='N', help='number of the wide photos of CBSD68 to use (default: 6)'
    )
    parser.add_argument('--rounds', type=int, default=7, metavar='N', help='timed runs of each engine (default: 7)')
    parser.add_argument('--threads', type=int, default=1, metavar='N', help='CPU threads (default: 1)')
    parser.add_argument('--compile', action='store_true', help='also time torch.compile, which takes a minute to start')
    parser.add_argument(
        '--variants',
        action='store_true',
        help='also measure the other ways of quantising to int8 that the default was chosen from',
    )
    parser.add_argument('--out', metavar='FILE', help='JSON file to write the figures to (default: none)')
    options = parser.parse_args(arguments)
    import onnxruntime

    torch.set_num_threads(options.threads)
    pairs = noisy_photos(options)
    with tempfile.TemporaryDirectory() as folder:
        listed = list(engines(options, Path(folder)))
        with torch.inference_mode():
            seconds = in_turns(listed, pairs[0][1], options.rounds)
            rows = [
                dict(engine=engine.name, precision=engine.precision, bytes=engine.bytes)
                | summary(seconds[engine])
                | dict(psnr=mean_psnr(engine, pairs))
                for engine in listed
            ]
    document = dict(
        machine=machine('cpu'),
        onnxruntime=onnxruntime.__version__,
        model=options.model,
        sigma=options.sigma,
        photos=len(pairs),
        size=list(pairs[0][0].shape[-2:]),
        rows=rows,
    )
    print(table(document))
    write(options.out, document)


def noisy_photos(options: argparse.Namespace) -> list[tuple[Tensor, Tensor]]:
    """Return pairs of a clean and a noisy photo, all of one size."""
    from semrestore.degradations import GaussianNoise, image_generator
    from semrestore.evaluation.rows import evenly
    from semrestore.images import read_photo
    from semrestore.images.listing import images_below

    folder = options.data_root / 'cbsd68'
    photos = {path.stem: read_photo(path) for path in images_below(folder)} if folder.is_dir() else {}
    wide = {name: photo for name, photo in photos.items() if photo.shape[0] < photo.shape[1]}
    if not wide:
        raise UserError(f"'{folder}' holds no photos: set --data-root or SEMRESTORE_DATA (docs/data.md)")
    pairs = []
    for index in evenly(len(wide), options.photos):
        name, photo = list(wide.items())[index]
        clean = torch.from_numpy(photo.copy()).permute(2, 0, 1)[None] / 255
        pairs.append((clean, GaussianNoise(options.sigma)(clean, [image_generator(0, name)])[0]))
    return pairs


def engines(options: argparse.Namespace, folder: Path) -> Iterator[Engine]:
    """Yield the engines."""
    denoiser = load_denoiser(options.model)
    size = Path(resolve(f'zoo:{options.model}')).stat().st_size
    yield Engine('PyTorch', 'float32', InferenceDenoiser(denoiser), size)
    yield Engine('PyTorch', 'bfloat16', InferenceDenoiser(denoiser, torch.bfloat16), size)
    if options.compile:
        yield Engine('torch.compile', 'float32', InferenceDenoiser(denoiser, compiled=True), size)
        yield Engine('torch.compile', 'bfloat16', InferenceDenoiser(denoiser, torch.bfloat16, compiled=True), size)
    path = folder / 'model.pt2'
    export_denoiser(denoiser, path)
    yield Engine('torch.export', 'float32', torch.export.load(path).module(), path.stat().st_size)
    for precision in ('float32', 'float16'):
        path = folder / f'{precision}.onnx'
        export_denoiser(denoiser, path, fp16=precision == 'float16')
        yield Engine('ONNX Runtime', precision, session(path, options.threads), path.stat().st_size)
    variants = quantisings(folder / 'float32.onnx', options.variants)
    for number, (precision, settings) in enumerate(variants.items()):
        path = folder / f'int8_{number}.onnx'
        lost = export_int8(denoiser, path, options.data_root / 'bsds432', most_lost=float('inf'), **settings)
        print(f'{precision}: {lost:.3f} dB below PyTorch on the photos of the export')
        yield Engine('ONNX Runtime', precision, session(path, options.threads), path.stat().st_size)


def quantisings(exported: Path, variants: bool) -> dict[str, dict]:
    """Return settings of the quantiser by name, those of ``semrestore export --int8`` first."""
    from onnx import load
    from onnxruntime.quantization import CalibrationMethod, QuantType

    if not variants:
        return {'int8': {}}
    graph = load(exported).graph
    return {
        'int8': {},
        'int8, scales by minimum and maximum': dict(calibrate_method=CalibrationMethod.MinMax, extra_options={}),
        'int8, scales by entropy': dict(calibrate_method=CalibrationMethod.Entropy, extra_options={}),
        'int8, one scale a weight': dict(per_channel=False),
        'int8, features signed': dict(activation_type=QuantType.QInt8),
        'int8, every convolution': dict(
            nodes_to_quantize=[node.name for node in graph.node if node.op_type in ('Conv', 'ConvTranspose', 'Relu')]
        ),
    }


def session(path: Path, threads: int) -> Callable[[Tensor], Tensor]:
    """Return a function that runs an ONNX file."""
    import onnxruntime

    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = threads
    opened = onnxruntime.InferenceSession(path, settings, providers=['CPUExecutionProvider'])
    return lambda noisy: torch.from_numpy(opened.run(None, dict(noisy=noisy.numpy()))[0])


def in_turns(listed: list[Engine], images: Tensor, rounds: int) -> dict[Engine, list[float]]:
    """Return the seconds of each engine's repeats, one of each by turns."""
    seconds: dict[Engine, list[float]] = {engine: [] for engine in listed}
    for number in range(WARM_UP + rounds):
        for engine in listed:
            started = time.perf_counter()
            engine.run(images)
            if number >= WARM_UP:
                seconds[engine].append(time.perf_counter() - started)
    return seconds


def mean_psnr(engine: Engine, pairs: list[tuple[Tensor, Tensor]]) -> float:
    """Return the mean PSNR of what an engine makes of the photos."""
    from semrestore.evaluation import psnr, to_8_bit

    return sum(psnr(to_8_bit(engine.run(noisy)), to_8_bit(clean)) for clean, noisy in pairs) / len(pairs)


def table(document: dict) -> str:
    """Return the figures as Markdown."""
    rows = document['rows']
    first = {name: next(row for row in rows if row['engine'] == name) for name in ('PyTorch', 'ONNX Runtime')}
    height, width = document['size']
    lines = [
        f'`{document["model"]}` on one photo of {height} x {width}, {document["machine"]["processor"]}: the fastest of'
        f' {rows[0]["repeats"]} runs. PSNR at sigma {document["sigma"]:g}, the mean over {document["photos"]} photos.',
        '',
        '| engine | precision | seconds, fastest | speed | over ONNX Runtime, float32 | PSNR (dB) | file (MiB) |',
        '| --- | --- | ---: | ---: | ---: | ---: | ---: |',
    ]
    for row in rows:
        speed, over = (one['fastest'] / row['fastest'] for one in first.values())
        cells = [row['engine'], row['precision'], f'{row["fastest"]:.3f}', f'{speed:.2f}', f'{over:.2f}']
        cells += [f'{row["psnr"]:.3f}', f'{row["bytes"] / 2**20:.2f}']
        lines.append('| ' + ' | '.join(cells) + ' |')
    return '\n'.join(lines)


if __name__ == '__main__':
    sys.exit(run(main))

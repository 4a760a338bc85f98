"""Measure size and time of exported files beside PyTorch: the paper's network on one image of 512 x 768.

    python -m benchmarks.export --out results/benchmark/export.json

Rows: PyTorch (InferenceDenoiser), torch.export, ONNX, ONNX in float16; measured in turns, batch 1.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

import torch

from benchmarks.measuring import machine, summary, write
from semrestore.acceleration import InferenceDenoiser
from semrestore.cli.run import run
from semrestore.weights.build import load_denoiser
from semrestore.weights.export import export_denoiser
from semrestore.weights.zoo import resolve


def main(arguments=None) -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--model', default='multiscale-sigma25', help='published weights (default: multiscale-sigma25)')
    parser.add_argument('--size', nargs=2, type=int, default=(512, 768), metavar=('H', 'W'))
    parser.add_argument('--rounds', type=int, default=9)
    parser.add_argument('--out', help='JSON to write')
    options = parser.parse_args(arguments)
    import onnxruntime

    images = torch.rand(1, 3, *options.size, generator=torch.Generator().manual_seed(0))
    denoiser = InferenceDenoiser(load_denoiser(options.model))
    runs = {'PyTorch': (lambda: denoiser(images), Path(resolve(f'zoo:{options.model}')).stat().st_size)}
    with tempfile.TemporaryDirectory() as folder:
        for title, name, fp16 in (
            ('torch.export', 'model.pt2', False),
            ('ONNX', 'model.onnx', False),
            ('ONNX, float16', 'half.onnx', True),
        ):
            path = Path(folder) / name
            export_denoiser(load_denoiser(options.model), path, fp16)
            if path.suffix == '.pt2':
                program = torch.export.load(path).module()
                runs[title] = (lambda program=program: program(images), path.stat().st_size)
            else:
                settings = onnxruntime.SessionOptions()
                settings.intra_op_num_threads = torch.get_num_threads()
                session = onnxruntime.InferenceSession(path, settings, providers=['CPUExecutionProvider'])
                runs[title] = (
                    lambda session=session: session.run(None, dict(noisy=images.numpy())),
                    path.stat().st_size,
                )
        seconds: dict[str, list[float]] = {title: [] for title in runs}
        with torch.no_grad():
            for number in range(options.rounds + 2):
                for title, (step, _) in runs.items():
                    started = time.perf_counter()
                    step()
                    if number >= 2:
                        seconds[title].append(time.perf_counter() - started)
    rows = {title: summary(values) | dict(bytes=runs[title][1]) for title, values in seconds.items()}
    for title, row in rows.items():
        print(
            f'{title:14} {row["median"]:.3f} s ({row["fastest"]:.3f} to {row["slowest"]:.3f}),'
            f' {row["bytes"] / 2**20:.2f} MiB'
        )
    write(
        options.out,
        dict(
            machine=machine('cpu'),
            onnxruntime=onnxruntime.__version__,
            size=options.size,
            model=options.model,
            rows=rows,
        ),
    )


if __name__ == '__main__':
    sys.exit(run(main))

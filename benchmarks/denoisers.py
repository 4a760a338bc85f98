"""Measure time, memory and PSNR of every denoiser on this machine, as a table and a plot of PSNR against time.

Each method runs in a process of its own. Its memory is the most that this process holds while it restores one 512 x 768
image, minus what it held before. On a GPU it is the most that PyTorch has allocated. Time is the median of several runs
on that image, after one run to warm up. PSNR is the mean over some of Kodak's images, for each precision. A method
whose weights are missing is timed with random weights and has no PSNR.

Example:
  python -m benchmarks.denoisers --data-root $SEMRESTORE_DATA --weights work_dirs/weights --out work_dirs/tables
"""

import argparse
import importlib.util
import json
import statistics
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from projects.paper.tables import PEERS, named_method
from semrestore.cli.options import new_parser
from semrestore.cli.run import run
from semrestore.errors import UserError, explained
from semrestore.files import write_csv
from semrestore.markdown import markdown_table

METHODS = [name for name in PEERS if name != 'Noisy']
PRECISIONS = ('float32', 'bfloat16', 'compiled')
BUDGET_S = 60
"""A method that is slow is repeated less often: no further run starts after so many seconds, but one always does."""


def main(arguments=None) -> None:
    """Run the benchmark."""
    from benchmarks.measuring import add_data_root

    parser = new_parser(__doc__)
    add_data_root(parser, 'kodak24')
    parser.add_argument(
        '--weights',
        type=Path,
        default=Path('work_dirs/weights'),
        metavar='DIR',
        help='folder of checkpoints, as for projects/paper/tables.py (default: work_dirs/weights)',
    )
    parser.add_argument('--out', type=Path, required=True, metavar='DIR', help='folder for the table and the plot')
    parser.add_argument(
        '--methods',
        nargs='+',
        default=list(METHODS),
        choices=METHODS,
        help='methods to measure (default: all); CBM3D is for non-commercial use only',
    )
    parser.add_argument(
        '--precisions',
        nargs='+',
        default=PRECISIONS[:2],
        choices=PRECISIONS,
        help='precisions of the learned methods (default: float32 bfloat16)',
    )
    parser.add_argument('--sigma', type=float, default=25, help='noise level on 0..255 (default: 25)')
    parser.add_argument(
        '--images',
        type=int,
        default=4,
        metavar='N',
        help="number of Kodak's images for the PSNR, evenly spread (default: 4)",
    )
    parser.add_argument('--repeats', type=int, default=9, metavar='N', help='timed runs of each method (default: 9)')
    parser.add_argument('--device', default='cpu', help='device, such as cpu or cuda (default: cpu)')
    options = parser.parse_args(arguments)
    if not sorted((options.data_root / 'kodak24').glob('*.png')):
        raise UserError(
            f"'{options.data_root / 'kodak24'}' holds no PNG files. Set --data-root or SEMRESTORE_DATA (docs/data.md)"
        )
    for name in ('images', 'repeats', 'sigma'):
        if not getattr(options, name) > 0:
            raise UserError(f'--{name} is {getattr(options, name)}; expected a number above 0')
    if 'CBM3D' in options.methods and importlib.util.find_spec('bm3d') is None:
        print("CBM3D is left out: pip install 'semrestore[baselines]', for non-commercial use only", file=sys.stderr)
        options.methods.remove('CBM3D')
    with explained(f"--out '{options.out}' or --device '{options.device}' cannot be used"):
        import torch

        from benchmarks.measuring import machine

        torch.empty(0, device=options.device)
        options.out.mkdir(parents=True, exist_ok=True)
    rows = []
    for method in options.methods:
        for precision in options.precisions if PEERS[method].checkpoint else PRECISIONS[:1]:
            with ProcessPoolExecutor(1, mp_context=get_context('spawn')) as pool:
                rows.append(pool.submit(measure, method, precision, options).result())
            print(json.dumps(rows[-1]), flush=True)
    document = dict(machine=machine(options.device), sigma=options.sigma, rows=rows)
    (options.out / 'denoisers.json').write_text(json.dumps(document, indent=2) + '\n', encoding='utf-8')
    write_csv(options.out / 'denoisers.csv', rows)
    text = markdown(rows)
    (options.out / 'denoisers.md').write_text(text, encoding='utf-8')
    draw(rows, options.sigma, options.out / 'denoisers.png')
    print(text)
    print(f'{options.out}: denoisers.md, denoisers.csv, denoisers.json, denoisers.png')


def measure(method: str, precision: str, options: argparse.Namespace) -> dict:
    """Measure one method in this process."""
    import torch

    from benchmarks.measuring import Peak
    from semrestore.acceleration import InferenceDenoiser
    from semrestore.denoisers.cost import multiply_adds, parameters
    from semrestore.evaluation import psnr, to_8_bit
    from semrestore.evaluation.rows import evenly
    from semrestore.weights.build import THE_PAPERS, build_denoiser
    from semrestore.weights.zoo import PREFIX

    named = named_method(method, options.weights)
    checkpoint = named.named(options.sigma)
    there = checkpoint is None or checkpoint.startswith(PREFIX) or Path(checkpoint).is_file()
    own = build_denoiser(named.denoiser(THE_PAPERS, options.sigma), checkpoint if there else None)
    costs = dict(parameters=parameters(own), multiply_adds=multiply_adds(own))
    dtype = torch.bfloat16 if precision == 'bfloat16' else torch.float32
    denoiser = InferenceDenoiser(own, dtype, compiled=precision == 'compiled').to(options.device)
    paths = sorted((options.data_root / 'kodak24').glob('*.png'))
    images = [paths[index] for index in evenly(len(paths), options.images)]
    clean, noisy, sigma = _pair(images[0], options)
    if noisy.shape[-2] > noisy.shape[-1]:
        noisy = noisy.transpose(-1, -2).contiguous()
    peak = Peak(options.device)
    denoiser(noisy, sigma).sum().item()  # to warm up
    times: list[float] = []
    started = time.perf_counter()
    while len(times) < options.repeats and (not times or time.perf_counter() - started < BUDGET_S):
        begun = time.perf_counter()
        denoiser(noisy, sigma).sum().item()  # waits for the device
        times.append(time.perf_counter() - begun)
    peak_mib = peak.mib()
    quality = []
    for path in images if there else ():
        clean, noisy, sigma = _pair(path, options)
        quality.append(psnr(to_8_bit(denoiser(noisy, sigma)), to_8_bit(clean)))
    return dict(
        method=method,
        precision=precision,
        seconds=statistics.median(times),
        fastest=min(times),
        slowest=max(times),
        repeats=len(times),
        peak_mib=peak_mib,
        **costs,
        psnr=statistics.fmean(quality) if there else None,
        images=len(quality),
    )


def _pair(path: Path, options: argparse.Namespace) -> tuple:
    import torch

    from semrestore.degradations import GaussianNoise, image_generator
    from semrestore.images import read_photo

    clean = torch.from_numpy(read_photo(path).copy()).permute(2, 0, 1)[None].to(options.device) / 255
    noisy, sigma = GaussianNoise(options.sigma)(clean, [image_generator(0, path.stem)])
    return clean, noisy, sigma


def markdown(rows: list[dict]) -> str:
    """Return the table as Markdown."""
    heads = ['method', 'precision', 's an image', 'fastest to slowest', 'peak memory (MiB)', 'parameters']
    lines = []
    for row in rows:
        spread = f'{row["fastest"]:.3g} to {row["slowest"]:.3g} ({row["repeats"]})'
        adds = '-' if row['multiply_adds'] is None else f'{row["multiply_adds"] / 1e9:.1f}'
        quality = '-' if row['psnr'] is None else f'{row["psnr"]:.3f}'
        memory = '-' if row['peak_mib'] is None else f'{row["peak_mib"]:.0f}'
        cells = [
            row['method'],
            row['precision'],
            f'{row["seconds"]:.3g}',
            spread,
            memory,
            f'{row["parameters"]:,}',
            adds,
            quality,
        ]
        lines.append(cells)
    return markdown_table([*heads, 'multiply-adds (G)', 'PSNR (dB)'], lines, 'llr') + '\n'


def draw(rows: list[dict], sigma: float, path: Path) -> None:
    """Draw PSNR against time."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 4), layout='constrained')
    axis = figure.subplots()
    markers = dict(zip(PRECISIONS, 'os^', strict=True))
    shown = [row for row in rows if row['psnr'] is not None]
    for row in shown:
        axis.plot(
            row['seconds'],
            row['psnr'],
            markers[row['precision']],
            color='#0173b2' if row['method'] != 'Proposed' else '#d55e00',
        )
    exact = sorted((row for row in shown if row['precision'] == PRECISIONS[0]), key=lambda row: row['seconds'])
    for index, row in enumerate(exact):  # names above and below by turns, since neighbours may be close
        offset = (0, -14) if index % 2 else (0, 7)
        axis.annotate(
            row['method'],
            (row['seconds'], row['psnr']),
            offset,
            textcoords='offset points',
            ha='center',
            fontsize='small',
        )
    for precision in dict.fromkeys(row['precision'] for row in shown):
        axis.plot([], [], markers[precision], color='gray', label=precision)
    axis.set_xscale('log')
    axis.set_xlabel('seconds for a 512 x 768 image')
    axis.set_ylabel(f'PSNR (dB), sigma {sigma:g}')
    axis.margins(x=0.1, y=0.15)
    axis.grid(alpha=0.3)
    axis.legend(fontsize='small', loc='lower right')
    figure.savefig(path, dpi=150)


if __name__ == '__main__':
    sys.exit(run(main))

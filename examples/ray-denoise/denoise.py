"""Restore a folder of photos on Ray Data, on this machine or on a cluster; see README.md."""

import argparse
import sys
from pathlib import Path

import ray

from semrestore import DenoiseInferencer, UserError
from semrestore.images import decode, find


class Restore:
    """Load the denoiser once in a worker, and restore one batch of files after the other."""

    def __init__(self, weights: str, targets: dict[str, str]) -> None:
        self.denoise = DenoiseInferencer(weights)
        self.targets = targets

    def __call__(self, batch: dict) -> dict:
        """Write a PNG for each file of a batch, and return the errors of those that fail."""
        errors = [self.restore(path, content) for path, content in zip(batch['path'], batch['bytes'], strict=True)]
        return dict(path=batch['path'], error=errors)

    def restore(self, path: str, content: bytes) -> str:
        """Write the PNG of one file, whole or not at all; return the error, if any."""
        try:
            (restored,) = self.denoise.forward([decode(content, path)], [None])
            restored.save(Path(self.targets[path]))
        except UserError as error:
            return str(error)
        return ''


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog='example:\n  python denoise.py noisy/ --out restored --workers 2',
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        'folder', type=Path, metavar='FOLDER', help='folder of photos; every machine must see it under this path'
    )
    parser.add_argument(
        '--out',
        type=Path,
        required=True,
        metavar='DIR',
        help='folder for the results; every machine must see it under this path',
    )
    parser.add_argument(
        '--model',
        default='multiscale-blind',
        metavar='NAME',
        help='name of published weights, or a file (default: multiscale-blind)',
    )
    parser.add_argument('--workers', type=int, default=2, metavar='N', help='number of processes (default: 2)')
    parser.add_argument('--gpus', type=float, default=0, metavar='N', help='GPUs for each process (default: 0)')
    options = parser.parse_args()
    if options.out.resolve().is_relative_to(options.folder.resolve()):
        sys.exit('--out is in FOLDER, so its results would be restored again; choose another --out')

    places = {
        path.resolve(): options.out.resolve() / below.with_suffix('.png') for path, below in find([options.folder])
    }
    if len(set(places.values())) < len(places):
        sys.exit('two photos would have one result; rename one of them')
    # A file that is there is whole, so a second start does the rest.
    left = {str(path): str(target) for path, target in places.items() if not target.is_file()}
    print(f'{len(places) - len(left)} of {len(places)} files are done already')
    if not left:
        return
    results = ray.data.read_binary_files(list(left), include_paths=True, num_cpus=0.25).map_batches(
        Restore,
        fn_constructor_args=(options.model, left),
        batch_size=8,
        compute=ray.data.ActorPoolStrategy(size=options.workers),
        num_cpus=0.5,  # so that files can be read beside two workers on two cores
        num_gpus=options.gpus,
    )
    failed = [row['error'] for row in results.iter_rows() if row['error']]
    for error in failed:
        print(f'failed: {error}', file=sys.stderr)
    print(f'{len(left) - len(failed)} of {len(left)} images restored: {options.out}')
    sys.exit(2 if failed else 0)


if __name__ == '__main__':
    main()

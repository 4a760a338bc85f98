"""Train the published weights, measure them, and write the pages that show them.

python -m projects.zoo train --status    what is to be trained, what runs, what is done
python -m projects.zoo train [NAME ...]  train what is not done yet, one after the other, and publish each
python -m projects.zoo measure [NAME ...]  PSNR and SSIM into results/zoo.csv
python -m projects.zoo breadth [NAME ...]  PSNR on altered photos into results/breadth.csv
python -m projects.zoo ensemble [NAME ...]  what the x8 self-ensemble adds, into results/ensemble.csv
python -m projects.zoo recognition       what networks make of restored images, into results/recognition.json
python -m projects.zoo page              the pages in docs/, the table in README.md, weights/metafile.yml
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from projects.zoo.pages import SETS, write_pages
from semrestore.cli.run import run


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the subcommand."""
    from projects.zoo import measure, recognition, trainings

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest='subcommand', required=True)
    train = commands.add_parser('train', help='train what is not done yet')
    train.add_argument('names', nargs='*', help='default: all of the plan')
    train.add_argument('--status', action='store_true', help='list what is done, running and open, and stop')
    train.add_argument('--plan', type=Path, default=trainings.PLAN, help='default: projects/zoo/plan.py')
    train.add_argument('--out', type=Path, default=trainings.OUT, help='folder of the runs (default: work_dirs/zoo)')
    measured = commands.add_parser('measure', help='measure published weights')
    measured.add_argument('names', nargs='*', help='default: all')
    measured.add_argument(
        '--only', metavar='NOISE', help="one noise level, 'camera' or 'photographs', and keep the other rows"
    )
    breadth = commands.add_parser('breadth', help='measure them on altered photos')
    breadth.add_argument('names', nargs='*', help='default: all, and the peers')
    ensemble = commands.add_parser('ensemble', help='measure them with the self-ensemble')
    ensemble.add_argument('names', nargs='*', help='default: all that are for one noise level')
    ensemble.add_argument('--sets', nargs='+', default=list(SETS), choices=list(SETS), help='default: all test sets')
    recognised = commands.add_parser('recognition', help='measure them before task networks')
    recognised.add_argument('--images', type=int, metavar='N', help='of each network, evenly spread (default: all)')
    recognised.add_argument('--peers', type=int, default=50, metavar='N', help='images for the peers (default: 50)')
    recognised.add_argument('--noises', nargs='+', default=(), metavar='NOISE', help='levels and names (default: all)')
    recognised.add_argument(
        '--networks', nargs='+', default=(), choices=list(recognition.NETWORKS), help='default: all'
    )
    commands.add_parser('page', help='write the pages')
    options = parser.parse_args(arguments)
    if options.subcommand == 'train':
        plan = trainings.read_plan(options.plan, options.names)
        if options.status:
            trainings.show(plan, options.out)
        else:
            trainings.work(options.plan, options.names, options.out)
    elif options.subcommand == 'measure':
        measure.measure(options.names, options.only)
    elif options.subcommand == 'breadth':
        measure.breadth(options.names)
    elif options.subcommand == 'ensemble':
        measure.ensemble(options.names, options.sets)
    elif options.subcommand == 'recognition':
        recognition.measure_recognition(options.images, options.peers, options.noises, options.networks)
    else:
        write_pages()


if __name__ == '__main__':
    sys.exit(run(main))

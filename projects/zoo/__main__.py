"""Train the published weights, measure them, and write the pages that show them.

  train        train what is not done yet, one after the other, and publish each
  measure      measure PSNR and SSIM into results/zoo.csv
  breadth      measure PSNR on altered photos into results/breadth.csv
  ensemble     measure the self-ensemble into results/ensemble.csv
  recognition  measure task networks behind the weights into results/recognition.json
  study        compare the runs of the study of recognition in results/recognition_study.json
  page         write the pages in docs/, the table in README.md, and weights/metafile.yml

Example:
  python -m projects.zoo train --status
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from projects.zoo.pages import SETS, write_pages
from semrestore.cli.options import new_parser
from semrestore.cli.run import run


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the subcommand."""
    from projects.zoo import measure, recognition, trainings

    parser = new_parser(__doc__)
    commands = parser.add_subparsers(dest='subcommand', required=True)
    train = commands.add_parser('train', help='train what is not done yet')
    train.add_argument('names', nargs='*', metavar='NAME', help='weights to train (default: all of the plan)')
    train.add_argument('--status', action='store_true', help='only list what is done, running and open')
    train.add_argument(
        '--plan', type=Path, default=trainings.PLAN, metavar='FILE', help='the plan (default: projects/zoo/plan.py)'
    )
    train.add_argument(
        '--out', type=Path, default=trainings.OUT, metavar='DIR', help='folder of the runs (default: work_dirs/zoo)'
    )
    measured = commands.add_parser('measure', help='measure published weights')
    measured.add_argument('names', nargs='*', metavar='NAME', help='weights to measure (default: all)')
    levels = sorted({*measure.BLIND_SIGMAS, *measure.RECOGNITION_SIGMAS})
    measured.add_argument(
        '--only',
        choices=[*map(str, levels), 'camera', 'photographs'],
        help="measure only one level, 'camera' or 'photographs', and keep the other rows (default: all)",
    )
    breadth = commands.add_parser('breadth', help='measure published weights on altered photos')
    breadth.add_argument('names', nargs='*', metavar='NAME', help='weights to measure (default: all, and the peers)')
    ensemble = commands.add_parser('ensemble', help='measure published weights with the self-ensemble')
    ensemble.add_argument(
        'names', nargs='*', metavar='NAME', help='weights to measure (default: all that are for one noise level)'
    )
    ensemble.add_argument(
        '--sets', nargs='+', default=list(SETS), choices=list(SETS), help='test sets (default: all of them)'
    )
    recognised = commands.add_parser('recognition', help='measure published weights before task networks')
    recognised.add_argument(
        '--images', type=int, metavar='N', help='images of each network, evenly spread (default: all)'
    )
    recognised.add_argument(
        '--peers', type=int, default=50, metavar='N', help='images for BM3D and DnCNN, which are slow (default: 50)'
    )
    recognised.add_argument(
        '--noises',
        nargs='+',
        default=(),
        choices=[*map(str, recognition.SIGMAS), *recognition.NOISES],
        help='noise levels and names (default: all)',
    )
    recognised.add_argument(
        '--networks', nargs='+', default=(), choices=list(recognition.NETWORKS), help='networks (default: all)'
    )
    study = commands.add_parser('study', help='compare the runs of the study of recognition photo by photo')
    study.add_argument(
        '--out', type=Path, default=trainings.OUT, metavar='DIR', help='folder of the runs (default: work_dirs/zoo)'
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
    elif options.subcommand == 'study':
        recognition.compare_study(options.out)
    else:
        write_pages()


if __name__ == '__main__':
    sys.exit(run(main))

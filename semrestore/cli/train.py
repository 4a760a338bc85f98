"""Train the denoiser of a config, alone or jointly with the frozen task network behind it.

Example:
  semrestore train semrestore::joint/denoise_vgg16_sigma30.py --work-dir work_dirs/joint
"""

import argparse
from collections.abc import Sequence

from semrestore.cli.options import add_amp, add_run_options, new_parser, wants_bf16
from semrestore.cli.run import prepare
from semrestore.errors import UserError


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = new_parser(__doc__)
    add_run_options(parser)
    training = parser.add_argument_group('training')
    training.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        metavar='CKPT',
        help="continue from a checkpoint; 'auto', or no value, takes the last one in --work-dir",
    )
    training.add_argument(
        '--auto-scale-lr',
        action='store_true',
        help='multiply the learning rate by the batch of all processes over auto_scale_lr.base_batch_size',
    )
    add_amp(training)
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run ``semrestore train``."""
    options = parse(arguments)
    if options.resume == '':
        raise UserError('--resume is an empty text; expected a checkpoint, or no value for the last one of the folder')
    bf16 = wants_bf16(options)
    cfg = prepare(options)

    from semrestore.engine import resume, train
    from semrestore.engine.optim_wrapper import with_bf16

    if bf16:
        cfg.optim_wrapper = with_bf16(cfg.optim_wrapper)
    if options.auto_scale_lr:
        if 'base_batch_size' not in (cfg.get('auto_scale_lr') or {}):
            raise UserError(
                f"--auto-scale-lr: config '{cfg.filename}' has no auto_scale_lr.base_batch_size. Set it to the"
                ' batch size that the learning rate is for'
            )
        cfg.auto_scale_lr.enable = True
    if options.resume:
        resume(cfg, options.resume)
    train(cfg)

"""Options and argparse types that several commands share. Imports no PyTorch, so that help is quick."""

import argparse
import sys
from collections.abc import Callable
from typing import Any

from semrestore.errors import UserError
from semrestore.limits import LARGEST_COUNT, LARGEST_DPI, LARGEST_PORT, LARGEST_SIGMA, doubt

__all__ = [
    'add_amp',
    'add_config_options',
    'add_device',
    'add_dpi',
    'add_run_options',
    'count',
    'new_parser',
    'port',
    'positive_sigma',
    'sigma',
    'sigma_or',
    'wants_bf16',
]


def sigma(text: str) -> float:
    """Parse a noise level on 0..255, zero included."""
    value = _number(text)
    if not 0 <= value <= LARGEST_SIGMA:
        raise argparse.ArgumentTypeError(f'{text} is not a noise level; expected 0 to {LARGEST_SIGMA:g}, on 0..255')
    if reason := doubt(value):
        print(f'warning: {reason}', file=sys.stderr)
    return value


def positive_sigma(text: str) -> float:
    """Parse a noise level on 0..255 above zero."""
    value = sigma(text)
    if value == 0:
        raise argparse.ArgumentTypeError('0 means no noise; expected a level above 0, on 0..255')
    return value


def sigma_or(*words: str) -> Callable[[str], float | str]:
    """Return a type that takes a noise level or one of some words, such as ``'auto'``."""

    def parse(text: str) -> float | str:
        if text in words:
            return text
        try:
            float(text)
        except ValueError:
            known = ' or '.join(f"'{word}'" for word in words)
            raise argparse.ArgumentTypeError(
                f"'{text}' is not a noise level; expected a number on 0..255, or {known}"
            ) from None
        return sigma(text)

    return parse


def count(text: str) -> int:
    """Parse a whole number of at least 1."""
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= LARGEST_COUNT:
        raise argparse.ArgumentTypeError(f"'{text}' is not a count; expected a whole number of at least 1")
    return int(text)


def positive(text: str) -> float:
    """Parse a finite number above 0."""
    value = _number(text)
    if not 0 < value <= LARGEST_COUNT:
        raise argparse.ArgumentTypeError(f"'{text}' is not in range; expected a number above 0")
    return value


def port(text: str) -> int:
    """Parse a port to listen on, 0 included."""
    if not text.isascii() or not text.isdigit() or not 0 <= int(text) <= LARGEST_PORT:
        raise argparse.ArgumentTypeError(f"'{text}' is not a port; expected 0 to {LARGEST_PORT}")
    return int(text)


def dpi(text: str) -> int:
    """Parse a resolution in pixels an inch."""
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= LARGEST_DPI:
        raise argparse.ArgumentTypeError(f"'{text}' is not a resolution; expected 1 to {LARGEST_DPI} pixels an inch")
    return int(text)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number") from None


def new_parser(text: str | None) -> argparse.ArgumentParser:
    """Return a parser whose help begins with a text, up to its ``Example:``, and ends with that example."""
    description, _, example = (text or '').partition('\nExample:\n')
    return argparse.ArgumentParser(
        description=description.strip(),
        epilog=f'example:\n{example.rstrip()}' if example else None,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that training and evaluation have in common."""
    run = add_config_options(parser)
    run.add_argument('--work-dir', metavar='DIR', help='folder for logs and checkpoints (default: work_dirs/CONFIG)')
    run.add_argument(
        '--launcher',
        choices=['none', 'pytorch', 'slurm', 'mpi'],
        default='none',
        help='what started the processes (default: none, for one process)',
    )
    run.add_argument('--local_rank', '--local-rank', type=int, default=0, help=argparse.SUPPRESS)


def add_config_options(parser: argparse.ArgumentParser) -> Any:
    """Add the config and the options that change it; return their group."""
    parser.add_argument('config', metavar='CONFIG', help='config file, or semrestore::FOLDER/NAME.py')
    run = parser.add_argument_group('config and run')
    run.add_argument(
        '--embedded',
        action='store_true',
        help='try the config on photos that come with the package, with a short schedule',
    )
    run.add_argument(
        '--cfg-options',
        nargs='+',
        default=[],
        metavar='KEY=VALUE',
        help='change values of the config, such as train_cfg.max_iters=500',
    )
    return run


def add_amp(parser: Any) -> None:
    """Add the two options for bfloat16 to a parser, or to a group of its options."""
    parser.add_argument('--amp', action='store_true', help='compute in bfloat16, which is faster if the device has it')
    parser.add_argument(
        '--force-amp', action='store_true', help='compute in bfloat16 even if the CPU has to emulate it, which is slow'
    )


def wants_bf16(options: argparse.Namespace) -> bool:
    """Return whether to compute in bfloat16.

    Raises:
        UserError: It is asked for where it would take several times as long as float32.
    """
    if options.amp and not options.force_amp:
        from semrestore.engine.optim_wrapper import bf16_is_fast

        if not bf16_is_fast():
            raise UserError(
                '--amp: this machine computes bfloat16 only by emulation, which is many times slower than'
                ' float32. Leave out --amp, or set --force-amp'
            )
    return options.amp or options.force_amp


def add_dpi(parser: Any) -> None:
    """Add the resolution of a picture to a parser, or to a group of its options."""
    parser.add_argument(
        '--dpi', type=dpi, default=150, help='resolution in pixels an inch (default: 150; 300 for print)'
    )


def add_device(parser: Any) -> None:
    """Add the device to a parser, or to a group of its options."""
    parser.add_argument('--device', help='device, such as cpu or cuda:1 (default: a GPU if there is one)')

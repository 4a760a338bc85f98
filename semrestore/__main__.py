"""The command line: ``semrestore COMMAND ...``, or ``python -m semrestore COMMAND ...``."""

import importlib
import sys
from collections.abc import Sequence

from semrestore import __version__
from semrestore.cli.run import run
from semrestore.errors import near

__all__ = ['main']

COMMANDS = {
    'train': 'train a denoiser, alone or jointly with a frozen task network',
    'test': 'evaluate a denoiser before a task',
    'fit': 'train a denoiser for your own network on your own photos, without a config',
    'check': 'measure what the published denoisers do for your own network',
    'cross-task': 'put every denoiser before every task at every noise level',
    'denoise': 'denoise images and films',
    'app': 'open a page to try the denoisers in a browser',
    'compare': 'draw methods side by side, with a zoomed region and a slider',
    'gradient-maps': 'draw where each term of the joint loss looks',
    'curves': 'draw the losses and the validation of trainings',
    'export': 'write a denoiser as ONNX or torch.export',
    'demo': 'show what denoisers do for recognition, in minutes',
    'zoo': 'list the published weights',
    'configs': 'list the configs that come with semrestore',
    'prepare-data': 'check the data folder, and build what can be built',
    'plugins': 'list the installed plugins and what they register',
    'new-plugin': 'write a package for a plugin of your own',
}


def usage() -> str:
    """Return what ``semrestore --help`` prints."""
    width = max(map(len, COMMANDS))
    lines = [f'  {name:{width}}  {text}' for name, text in COMMANDS.items()]
    last = 'semrestore COMMAND --help shows the options of a command and an example.'
    return '\n'.join(['usage: semrestore COMMAND ...', '', *lines, '', last])


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status, 0 if all went well.

    Args:
        arguments: Its name and what follows it; by default those of the command line.
    """
    given = sys.argv[1:] if arguments is None else list(arguments)
    name, *rest = given or ['--help']
    if name in ('-h', '--help'):
        print(usage())
        return 0
    if name == '--version':
        print(f'semrestore {__version__}')
        return 0
    if name not in COMMANDS:
        print(f"error: there is no command '{name}'.{near(name, COMMANDS)}\n{usage()}", file=sys.stderr)
        return 2
    if arguments is None:
        sys.argv[0] = f'semrestore {name}'  # argparse shows this as the program's name
    return run(importlib.import_module(f'semrestore.cli.{name.replace("-", "_")}').main, rest)


if __name__ == '__main__':
    sys.exit(main())

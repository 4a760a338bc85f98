"""The command line: ``semrestore COMMAND …``, or ``python -m semrestore COMMAND …``; in a clone, ``python tools/COMMAND.py …``."""

import importlib
import sys

from semrestore import __version__

COMMANDS = {
    'train': 'train a denoiser, alone or jointly with a frozen task network',
    'test': 'evaluate a denoiser before a task, whatever task it was trained with',
    'cross-task': 'every denoiser before every task at every noise level',
    'denoise': 'denoise image files',
    'compare': 'put methods side by side: a picture with a zoomed region, a page with a slider',
    'gradient-maps': 'draw where each term of the joint loss looks',
    'curves': 'draw the terms of the loss and the validation of a training',
    'mos': 'mean opinion scores: a page for raters, and the report',
    'export': 'write a denoiser as ONNX or for torch.export',
    'tables': "regenerate the paper's Tables I, II and III",
    'demo': 'train and compare on the embedded photos, in minutes',
    'prepare-data': 'check and build the folder tree that the configs expect',
    'convert-matconvnet': "turn the authors' weights of DnCNN and FFDNet into checkpoints",
    'convert-deeplabv3': 'turn the released DeepLabv3-MobileNetV2 into a checkpoint',
    'plugins': 'list the installed plugins and what they register',
    'new-plugin': 'write the package of a plugin of your own',
}


def usage() -> str:
    """Return what ``semrestore --help`` prints."""
    width = max(map(len, COMMANDS))
    lines = [f'  {name:{width}}  {text}' for name, text in COMMANDS.items()]
    return '\n'.join(['usage: semrestore COMMAND ...', '', *lines, '', 'semrestore COMMAND --help has the options of a command.'])


def main() -> int:
    """Run the command that the command line names, and return its exit status."""
    name, *arguments = sys.argv[1:] or ['--help']
    if name in ('-h', '--help'):
        print(usage())
        return 0
    if name == '--version':
        print(f'semrestore {__version__}')
        return 0
    from semrestore.commands.common import run
    from semrestore.errors import near

    if name not in COMMANDS:
        print(f"error: there is no command '{name}'.{near(name, COMMANDS)}\n{usage()}", file=sys.stderr)
        return 2
    sys.argv[0] = f'semrestore {name}'  # by which argparse calls itself
    return run(importlib.import_module(f'semrestore.commands.{name.replace("-", "_")}').main, arguments)


if __name__ == '__main__':
    sys.exit(main())

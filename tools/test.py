"""Evaluate a denoiser: ``python tools/test.py CONFIG CHECKPOINT``; ``--help`` lists the options."""

import sys

from semrestore.commands import test
from semrestore.commands.common import run

if __name__ == '__main__':
    sys.exit(run(test.main))

"""Evaluate a denoiser: ``python tools/test.py CONFIG CHECKPOINT``; ``--help`` lists the options."""

import sys

from semrestore.cli import test
from semrestore.cli.run import run

if __name__ == '__main__':
    sys.exit(run(test.main))

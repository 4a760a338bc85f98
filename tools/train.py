"""Train a denoiser: ``python tools/train.py CONFIG``; ``--help`` lists the options."""

import sys

from semrestore.cli import train
from semrestore.cli.run import run

if __name__ == '__main__':
    sys.exit(run(train.main))

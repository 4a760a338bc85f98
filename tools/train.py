"""Train a denoiser: ``python tools/train.py CONFIG``; ``--help`` lists the options."""

import sys

from semrestore.commands import train
from semrestore.commands.common import run

if __name__ == '__main__':
    sys.exit(run(train.main))

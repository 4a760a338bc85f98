"""Put every denoiser before every task: ``python tools/cross_task.py --help``."""

import sys

from semrestore.cli import cross_task
from semrestore.cli.run import run

if __name__ == '__main__':
    sys.exit(run(cross_task.main))

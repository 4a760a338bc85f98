"""Denoise image files: ``python tools/denoise.py INPUT --model CKPT --out DIR``; ``--help`` lists the options."""

import sys

from semrestore.commands import denoise
from semrestore.commands.common import run

if __name__ == '__main__':
    sys.exit(run(denoise.main))

"""Draw where each loss term looks: ``python tools/visualize/gradient_maps.py CONFIG CHECKPOINT --out DIR``; see ``--help``."""

import sys

from semrestore.commands import gradient_maps
from semrestore.commands.common import run

if __name__ == '__main__':
    sys.exit(run(gradient_maps.main))

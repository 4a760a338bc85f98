"""Draw a training: ``python tools/visualize/curves.py WORK_DIR… --out FILE``; ``--help`` lists the options."""

import sys

from semrestore.commands import curves
from semrestore.commands.common import run

if __name__ == '__main__':
    sys.exit(run(curves.main))

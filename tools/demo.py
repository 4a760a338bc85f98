"""Run the main job on the embedded photos: ``python tools/demo.py``; ``--help`` lists the options."""

import sys

from semrestore.commands import demo
from semrestore.commands.common import run

if __name__ == '__main__':
    sys.exit(run(demo.main))

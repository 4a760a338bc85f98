"""The Darmstadt Noise Dataset; see ``--help``."""

import sys

from semrestore.commands.common import run
from semrestore.commands.dnd import main

if __name__ == '__main__':
    sys.exit(run(main))

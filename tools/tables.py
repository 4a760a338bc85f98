"""The paper's Tables I, II and III; see ``--help``."""

import sys

from semrestore.commands.common import run
from semrestore.commands.tables import main

if __name__ == '__main__':
    sys.exit(run(main))

"""Check and build the data folder: ``python tools/prepare_data.py --help``."""

import sys

from semrestore.commands import prepare_data
from semrestore.commands.common import run

if __name__ == '__main__':
    sys.exit(run(prepare_data.main))

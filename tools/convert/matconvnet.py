"""DnCNN and FFDNet from MatConvNet; see ``--help``."""

import sys

from semrestore.commands.common import run
from semrestore.commands.convert_matconvnet import main

if __name__ == '__main__':
    sys.exit(run(main))

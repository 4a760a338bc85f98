"""Where a VGG-16 with batch normalisation starts; see ``--help``."""

import sys

from semrestore.commands.common import run
from semrestore.commands.convert_vgg16 import main

if __name__ == '__main__':
    sys.exit(run(main))

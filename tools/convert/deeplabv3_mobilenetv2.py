"""DeepLabv3 on MobileNetV2 from TensorFlow Lite to mmseg; see ``--help``."""

import sys

from semrestore.commands.common import run
from semrestore.commands.convert_deeplabv3 import main

if __name__ == '__main__':
    sys.exit(run(main))

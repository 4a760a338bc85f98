"""Export a denoiser: ``python tools/export_onnx.py zoo:NAME --out FILE.onnx``; ``--help`` lists the options."""

import sys

from semrestore.commands import export
from semrestore.commands.common import run

if __name__ == '__main__':
    sys.exit(run(export.main))

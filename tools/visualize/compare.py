"""Put methods side by side: ``python tools/visualize/compare.py IMAGE… --methods … --sigma S --out DIR``; ``--help`` lists the options."""

import sys

from semrestore.commands import compare
from semrestore.commands.common import run

if __name__ == '__main__':
    sys.exit(run(compare.main))

"""Denoise a file and print the peak memory of this process in bytes: ``peak_memory.py FILE OUT``."""

import re
import sys
from pathlib import Path

from semrestore.cli import denoise
from semrestore.cli.run import run

arguments = [sys.argv[1], '--model', 'multiscale-sigma25', '--out', sys.argv[2], '--device', 'cpu']
assert run(denoise.main, arguments) == 0
# Of this process alone: what getrusage says begins with the parent's.
print(int(re.search(r'VmHWM:\s+(\d+)', Path('/proc/self/status').read_text())[1]) * 1024)

"""Import the package, or run a command, and end with status 3 if that imported PyTorch."""

import sys

status = 0
if sys.argv[1] == 'import':
    import semrestore

    assert semrestore.__version__
else:
    from semrestore.__main__ import main

    status = main()
if 'torch' in sys.modules:
    sys.exit(3)
sys.exit(status)

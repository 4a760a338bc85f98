"""Import the package, or run a command with ``--help``; end with status 3 if that imported PyTorch."""

import sys

if sys.argv[1] == 'import':
    import semrestore

    assert semrestore.__version__
else:
    from semrestore.__main__ import main

    main()
if 'torch' in sys.modules:
    sys.exit(3)

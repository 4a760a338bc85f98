"""Do what the arguments say (``import``, or a command with ``--help``), and end with status 3 if that imported PyTorch."""

import sys

if sys.argv[1] == 'import':
    import semrestore

    assert semrestore.__version__
else:
    from semrestore.__main__ import main

    try:
        main()
    except SystemExit as end:
        assert not end.code
if 'torch' in sys.modules:
    sys.exit(3)

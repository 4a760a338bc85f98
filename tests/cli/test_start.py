"""What starts at once: importing the package, and the help of every command."""

import subprocess
import sys

import pytest

import semrestore
from semrestore.__main__ import COMMANDS


@pytest.mark.parametrize('what', ['import', '--help', *COMMANDS])
def test_no_pytorch_is_imported(what):
    arguments = [what, '--help'] if what in COMMANDS else [what]
    done = subprocess.run([sys.executable, 'tests/programs/start.py', *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ''
    assert what == 'import' or f'usage: {"semrestore" if what not in COMMANDS else ""}' in done.stdout


def test_every_public_name_is_there():
    assert sorted(semrestore.__all__) == semrestore.__all__
    for name in semrestore.__all__:
        assert getattr(semrestore, name).__doc__
    assert set(semrestore.__all__) <= set(dir(semrestore))

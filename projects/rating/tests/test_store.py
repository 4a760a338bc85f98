"""The file of a study: no other file is touched."""

import contextlib
import re
import sqlite3

import pytest

from projects.rating import __main__ as mos
from projects.rating.store import Store
from projects.rating.tests.conftest import METHODS
from semrestore.cli.run import run
from semrestore.errors import UserError


def test_another_studys_file_is_not_touched(study, folders):
    with pytest.raises(UserError, match=re.escape(str(study[1].path))):
        Store(study[1].path, ['first', 'second'], study[0].names, 3)
    Store(study[1].path, METHODS[::-1], study[0].names, 3)  # their order on the command line is no matter
    (folders / 'text.sqlite').write_text('no database, but something of the user')
    with pytest.raises(UserError, match=r'text\.sqlite'):
        Store(folders / 'text.sqlite', METHODS, ['0'], 1)
    assert (folders / 'text.sqlite').read_text() == 'no database, but something of the user'
    with sqlite3.connect(study[1].path) as connection:
        connection.execute('UPDATE study SET version = 2')
    with pytest.raises(UserError, match='version 2'):
        Store(study[1].path)


def test_somebody_elses_database_is_left_as_it_is(tmp_path, capsys):
    with contextlib.closing(sqlite3.connect(tmp_path / 'other.sqlite')) as connection:
        connection.execute('CREATE TABLE x (y)')
        connection.commit()
    before = (tmp_path / 'other.sqlite').read_bytes()
    assert run(mos.main, ['report', str(tmp_path / 'other.sqlite'), '--out', str(tmp_path / 'out')]) == 2
    assert 'other.sqlite' in capsys.readouterr().err
    assert (tmp_path / 'other.sqlite').read_bytes() == before
    with pytest.raises(UserError, match=r'other\.sqlite'):
        Store(tmp_path / 'other.sqlite', ['a', 'b'], ['1'], 1)
    assert (tmp_path / 'other.sqlite').read_bytes() == before

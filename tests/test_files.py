"""Files are written whole or not at all, where and as their owner wants them."""

import contextlib
import os
import signal
import stat

from semrestore.files import replacing, write_text
from semrestore.images.listing import is_sidecar
from tests.processes import start


def test_two_writers_of_one_file_do_not_meet(tmp_path):
    path = tmp_path / 'a.txt'
    with replacing(path) as first, replacing(path) as second:
        first.write_text('first')
        second.write_text('second')
        assert first.suffix == second.suffix == '.txt'
        assert is_sidecar(first.name), 'so that no listing finds it, if its writer is killed'
    assert path.read_text() == 'first', 'the last that is done'
    assert os.listdir(tmp_path) == ['a.txt']


def killed_half_way(path):
    with replacing(path) as partial:
        partial.write_text('half')
        os.kill(os.getpid(), signal.SIGKILL)


def test_what_a_killed_process_left_is_written_over(tmp_path):
    assert start(killed_half_way, tmp_path / 'a.txt').done().returncode == -signal.SIGKILL
    (left,) = tmp_path.iterdir()
    assert left.read_text() == 'half'
    write_text(tmp_path / 'a.txt', 'w')
    assert (tmp_path / 'a.txt').read_text() == 'w'
    assert os.listdir(tmp_path) == ['a.txt']


def test_a_writer_that_fails_leaves_the_old_file_and_another_writers(tmp_path):
    write_text(tmp_path / 'a.txt', 'old')
    with replacing(tmp_path / 'a.txt') as other:
        other.write_text('other')
        with contextlib.suppress(ZeroDivisionError), replacing(tmp_path / 'a.txt') as partial:
            partial.write_text('half')
            raise ZeroDivisionError
        assert (tmp_path / 'a.txt').read_text() == 'old'
    assert (tmp_path / 'a.txt').read_text() == 'other'
    assert os.listdir(tmp_path) == ['a.txt']


def test_a_link_stays_and_what_it_names_is_written(tmp_path):
    (tmp_path / 'real').mkdir()
    link = tmp_path / 'link.txt'
    for name in ('real/there.txt', 'real/not_yet.txt'):
        link.unlink(missing_ok=True)
        link.symlink_to(name)
        write_text(tmp_path / 'real/there.txt', 'old')
        write_text(link, 'new')
        assert link.is_symlink()
        assert (tmp_path / name).read_text() == 'new'


def test_a_new_file_has_the_mode_of_the_umask_and_an_old_one_keeps_its_own(tmp_path):
    def mode(path):
        return stat.S_IMODE(path.stat().st_mode)

    (tmp_path / 'plain').touch()
    for name in ('plain', 'new'):
        write_text(tmp_path / name, 'x')
    assert mode(tmp_path / 'new') == mode(tmp_path / 'plain')
    (tmp_path / 'plain').chmod(0o604)
    write_text(tmp_path / 'plain', 'y')
    assert mode(tmp_path / 'plain') == 0o604
    assert (tmp_path / 'plain').read_text() == 'y'

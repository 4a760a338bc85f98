"""Archives of class folders: labels by name, unpacked once by content, and damaged or hostile ones refused with nothing left behind."""

import contextlib
import io
import lzma
import struct
import subprocess
import sys
import tarfile

import numpy as np
import pytest
from PIL import Image

from semrestore.datasets.class_archive import ClassArchive
from semrestore.errors import UserError
from tests.conftest import DATA

tiny_imagenet = pytest.mark.skipif(not (DATA / 'tiny_imagenet').is_dir(), reason='SEMRESTORE_DATA has no tiny_imagenet')


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv('SEMRESTORE_CACHE', str(tmp_path / 'cache'))
    return tmp_path / 'cache'


def png(value):
    buffer = io.BytesIO()
    Image.fromarray(np.full((5, 7, 3), value, np.uint8)).save(buffer, 'PNG')
    return buffer.getvalue()


def write(path, files, compression='gz'):
    with tarfile.open(path, f'w:{compression}') as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path


FILES = {'train/n2/b.png': png(20), 'train/n1/a.png': png(10), 'train/n1/c.png': png(30)}


def dataset(path):
    return ClassArchive(data_root=str(path.parent), archive=path.name, pipeline=[dict(type='semrestore.LoadPhoto')])


def test_labels_are_the_order_of_the_folders_names(tmp_path):
    photos = dataset(write(tmp_path / 'photos.tar.gz', FILES))
    assert [(photos[index]['gt_label'], photos[index]['img'][0, 0, 0]) for index in range(len(photos))] == [(0, 10), (0, 30), (1, 20)]
    assert photos.metainfo['classes'] == ('n1', 'n2')


def test_an_archive_is_unpacked_once_and_another_of_its_name_again(tmp_path, cache):
    path = write(tmp_path / 'photos.tar.gz', FILES)
    dataset(path)
    (first,) = cache.iterdir()
    stamp = first.stat().st_mtime_ns
    dataset(path)
    assert [folder.stat().st_mtime_ns for folder in cache.iterdir()] == [stamp]
    assert dataset(write(path, FILES | {'train/n3/d.png': png(40)})).metainfo['classes'] == ('n1', 'n2', 'n3')
    assert len(list(cache.iterdir())) == 2


@pytest.mark.parametrize(
    ('files', 'message'),
    [
        ({'readme.txt': b'nothing'}, 'no class folders'),
        ({'train/n1/a.png': png(1)}, 'no class folders'),
        ({'../outside.png': png(1), **FILES}, 'cannot be unpacked'),
        ({'/absolute/../../outside.png': png(1), **FILES}, 'cannot be unpacked'),
    ],
)
def test_an_archive_of_something_else_is_refused(tmp_path, cache, files, message):
    with pytest.raises(UserError, match=message):
        dataset(write(tmp_path / 'photos.tar.gz', files))
    assert not list(tmp_path.rglob('outside.png'))


@pytest.mark.parametrize('tenths', range(10))
def test_a_truncated_archive_is_refused_and_leaves_nothing(tmp_path, cache, tenths):
    path = write(tmp_path / 'photos.tar.gz', FILES)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * tenths // 10])
    with pytest.raises(UserError, match=r"photos\.tar\.gz' (cannot be unpacked|has no class folders)"):
        dataset(path)
    assert not cache.exists() or not [entry for entry in cache.iterdir() if 'part' in entry.name]
    path.write_bytes(whole)
    assert len(dataset(path)) == 3


@pytest.mark.parametrize('compression', ['gz', 'bz2', 'xz'])
def test_a_damaged_archive_is_refused(tmp_path, cache, compression):
    path = write(tmp_path / f'photos.tar.{compression}', FILES, compression)
    whole, draws = path.read_bytes(), np.random.default_rng(0)
    for _ in range(10):
        bad = bytearray(whole)
        bad[draws.integers(12, len(whole))] ^= 0xFF
        path.write_bytes(bad)
        with contextlib.suppress(UserError):  # where the byte says nothing it is read
            dataset(path)
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match='cannot be unpacked'):
        dataset(path)


def hostile(path, name='n1/a.png', size=0, pax=None, kind=tarfile.REGTYPE, body=b''):
    """Write a member whose header says what tarfile itself would not write, behind good ones."""
    write(path, FILES, '')
    member = tarfile.TarInfo(name)
    member.size, member.type, member.pax_headers = size, kind, pax or {}
    with open(path, 'r+b') as file:
        file.truncate(path.stat().st_size - tarfile.RECORDSIZE + 2048)  # short of the end
        with tarfile.open(path) as archive:
            end = max(one.offset_data + -(-one.size // 512) * 512 for one in archive)
        file.seek(end)
        file.write(member.tobuf(tarfile.GNU_FORMAT if size < 0 else tarfile.PAX_FORMAT) + body + bytes(1024))
        file.truncate()
    return path


@pytest.mark.parametrize(
    ('attack', 'message'),
    [
        (dict(pax=dict(mtime='inf')), 'cannot be unpacked'),
        (dict(pax=dict(mtime='nan')), 'cannot be unpacked'),
        (dict(pax=dict(path='n1/\0.png')), 'cannot be unpacked'),
        (dict(pax=dict(path='d/' * 20_000 + 'a.png')), 'cannot be unpacked'),
        (dict(size=2**50), 'more than the disk has free'),
        (dict(kind=tarfile.GNUTYPE_SPARSE, size=-512), 'a size below 0'),
        (dict(kind=tarfile.XHDTYPE, size=2**15, body=b'9' * 2**15), 'a header of 32768 bytes'),
        (dict(kind=tarfile.XHDTYPE, size=2**28, body=b'9' * 2**20), 'a header of 268435456 bytes'),
        (dict(kind=tarfile.GNUTYPE_LONGNAME, size=2**28, body=b'9' * 2**20), 'a header of 268435456 bytes'),
    ],
)
def test_a_hostile_header_is_refused_and_leaves_nothing(tmp_path, cache, attack, message):
    path = hostile(tmp_path / 'photos.tar', **attack)
    with pytest.raises(UserError, match=message):
        dataset(path)
    assert list(cache.iterdir()) == []


def asking_for_2_gb(data):
    """Return data as .lzma whose header asks for a dictionary of 2 GB, bytes 1 to 4."""
    packed = lzma.compress(data, lzma.FORMAT_ALONE)
    return packed[:1] + struct.pack('<I', 2**31) + packed[5:]


@pytest.mark.parametrize('before', [b'', lzma.compress(b''), lzma.compress(bytes(3 * 2**20))])
def test_a_dictionary_of_gigabytes_is_refused(tmp_path, cache, before):
    path = write(tmp_path / 'photos.tar', FILES, '')
    content = path.read_bytes()
    path.write_bytes(before + lzma.compress(content, preset=9))
    if not before:
        assert len(dataset(path)) == 3
    path.write_bytes(before + asking_for_2_gb(content))
    with pytest.raises(UserError, match='its xz needs more than 128 MiB; pack it by gzip'):
        dataset(path)


UNPACK = """
import pathlib, resource, sys, tarfile
from semrestore.datasets.class_archive import unpacked
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
small, large = map(pathlib.Path, sys.argv[1:])
unpacked(small)
before = peak()
print(len(list(unpacked(large).rglob('*.png'))), peak() - before)
"""


def test_memory_does_not_grow_with_what_an_archive_holds(tmp_path):
    with tarfile.open(tmp_path / 'photos.tar.gz', 'w:gz', compresslevel=1) as archive:
        for number in range(10_000):
            member = tarfile.TarInfo(f'n{number % 2}/{number:05}.png')
            member.pax_headers = {'x': 'y' * 4000}
            archive.addfile(member)
    command = [sys.executable, '-c', UNPACK, write(tmp_path / 'small.tar.gz', FILES), tmp_path / 'photos.tar.gz']
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=100)
    files, megabytes = done.stdout.splitlines()[-1].split()
    assert int(files) == 10_000
    assert float(megabytes) < 4


def link(name, target, kind=tarfile.SYMTYPE):
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member


@pytest.mark.parametrize(
    'links',
    [
        [link('train/n1/out.png', '../../../../secret.png')],
        [link('train/n1/out.png', '{secret}')],
        [link('train/n1/out.png', '../../../secret.png', tarfile.LNKTYPE)],
        [link('train/n1/out.png', '{secret}', tarfile.LNKTYPE)],
        [link('train/n1/out', '..' + '/..' * 3), link('train/n1/out/new', 'a')],
        [link('train/n3', '{folder}')],
        [link('train/n1/up', '..')],
        [link('train/n1/x.png', 'y.png'), link('train/n1/y.png', 'x.png')],
        [link('train/n1/x.png', 'nowhere.png', tarfile.LNKTYPE)],
        [link('train/n1/x.png', 'train/n1/x.png', tarfile.LNKTYPE)],
        [link('train/n1/x.png', 'train/n1/y.png', tarfile.LNKTYPE), link('train/n1/y.png', 'train/n1/x.png', tarfile.LNKTYPE)],
    ],
)
def test_links_that_lead_out_or_around_are_refused_and_leave_nothing(tmp_path, cache, links):
    (tmp_path / 'secret.png').write_bytes(png(99))
    path = write(tmp_path / 'photos.tar', FILES, '')
    with tarfile.open(path, 'a') as archive:
        for one in links:
            one.linkname = one.linkname.format(secret=tmp_path / 'secret.png', folder=tmp_path)
            archive.addfile(one)
    before = sorted(tmp_path.rglob('*'))
    with pytest.raises(UserError, match='cannot be unpacked'):
        dataset(path)
    assert sorted(set(tmp_path.rglob('*')) - {cache}) == before
    assert list(cache.iterdir()) == []


def test_one_photo_under_two_names_is_read_twice(tmp_path):
    path = write(tmp_path / 'photos.tar', FILES, '')
    with tarfile.open(path, 'a') as archive:
        archive.addfile(link('train/n1/again.png', 'train/n1/a.png', tarfile.LNKTYPE))
    photos = dataset(path)
    assert [photos[index]['img'][0, 0, 0] for index in range(len(photos))] == [10, 10, 30, 20]


@pytest.mark.parametrize(
    'name', ['pho tos.tar', 'pho\ntos.tar', 'ph\u00f6t\u00f6s.tar', 'n\udcff.tar', 'photos.png', 'photos.zip', 'photos']
)
def test_an_archive_is_what_it_is_whatever_its_name(tmp_path, name):
    assert len(dataset(write(tmp_path / name, FILES))) == 3


@pytest.mark.parametrize(
    'content',
    [b'', bytes(512), bytes(10240), b'\xff' * 5000, b'PK\x03\x04' + bytes(200), png(3), b'\x1f\x8b' + bytes(600), b'BZh9' + bytes(600)],
)
def test_what_is_no_archive_is_refused(tmp_path, cache, content):
    (tmp_path / 'photos.tar.gz').write_bytes(content)
    with pytest.raises(UserError, match=r"photos\.tar\.gz' (cannot be unpacked|has no class folders)"):
        dataset(tmp_path / 'photos.tar.gz')


def test_a_link_to_itself_is_no_archive(tmp_path):
    (tmp_path / 'photos.tar').symlink_to('photos.tar')
    with pytest.raises(UserError, match=r"photos\.tar' does not exist"):
        dataset(tmp_path / 'photos.tar')


def test_a_missing_archive_and_a_cache_that_cannot_be_written_are_named(tmp_path, cache):
    with pytest.raises(UserError, match=r"photos\.tar\.gz' does not exist"):
        dataset(tmp_path / 'photos.tar.gz')
    cache.write_text('a file')
    with pytest.raises(UserError, match='SEMRESTORE_CACHE names another place'):
        dataset(write(tmp_path / 'photos.tar.gz', FILES))


@tiny_imagenet
def test_tiny_imagenet_has_200_classes_in_the_lists_order():
    photos = ClassArchive(data_root=str(DATA / 'tiny_imagenet'), archive='val_10000.tar.gz')
    lines = (DATA / 'tiny_imagenet/classes.txt').read_text().splitlines()
    assert list(photos.metainfo['classes']) == [line.split('\t')[0] for line in lines]
    assert len(photos) == 10_000
    assert np.bincount([photos.get_data_info(index)['gt_label'] for index in range(0, 10_000)]).tolist() == [50] * 200

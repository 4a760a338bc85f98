"""What is installed is what was looked at: hashes, licences, and no word with the network."""

import importlib.metadata
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tools.dev.licences import STATED
from tools.dev.licences import licence as licence_of

ROOT = Path(__file__).parents[2]

LOCK, BUILD = (ROOT / name for name in ('requirements.lock', 'requirements-build.lock'))
PERMISSIVE = re.compile(
    r'MIT|BSD|Apache|0BSD|ISC|PSF|Python Software Foundation|Zlib|CC0|CNRI|LLVM|BSL|NVIDIA proprietary|[Pp]ublic domain'
)


def entries(lock):
    """The lock's requirements with their hashes."""
    text = re.sub(r'^#.*\n', '', lock.read_text(), flags=re.M).replace('\\\n', ' ')
    return [
        (Requirement(line.split('--hash')[0]), re.findall(r'--hash=sha256:([0-9a-f]{64})\b', line))
        for line in text.splitlines()
        if line
    ]


@pytest.mark.parametrize('lock', [LOCK, BUILD], ids=lambda lock: lock.name)
def test_every_file_of_a_lock_has_its_version_and_hash(lock):
    found = entries(lock)
    assert len(found) >= 5
    for requirement, hashes in found:
        assert re.fullmatch(r'==[^*,]+', str(requirement.specifier)), requirement
        assert hashes, requirement


def test_the_lock_meets_every_requirement_of_the_package():
    locked = {requirement.name: requirement for requirement, _ in entries(LOCK)}
    asked = [Requirement(text) for text in importlib.metadata.requires('semrestore')]
    # The extras that the README's commands install.
    needed = [
        one
        for one in asked
        if one.marker is None or any(one.marker.evaluate(dict(extra=extra)) for extra in ('test', 'docs'))
    ]
    assert len(needed) > 30
    for requirement in needed:
        name = re.sub(r'[-_.]+', '-', requirement.name).lower()
        version = str(locked[name].specifier).removeprefix('==')
        assert requirement.specifier.contains(version), requirement


def test_the_makefile_installs_nothing_without_a_hash():
    installs = [
        line for line in (ROOT / 'Makefile').read_text().splitlines() if 'pip install' in line and '-audit' not in line
    ]
    unhashed = [line.split()[-1] for line in installs if '--require-hashes' not in line]
    assert unhashed == ['examples/semrestore-text', '.']  # our own
    assert len(installs) == 5


def test_installed_versions_are_those_of_the_lock():
    if not (ROOT / '.venv').is_dir() or Path(sys.prefix) != ROOT / '.venv':
        pytest.skip('not the environment that make made')
    # Of several by one name the first counts: setuptools brings copies of some along.
    versions = {
        re.sub(r'[-_.]+', '-', one.name).lower(): one.version for one in reversed([*importlib.metadata.distributions()])
    }
    here = [one for one, _ in entries(LOCK) + entries(BUILD) if one.marker is None or one.marker.evaluate()]
    different = {
        one.name: versions.get(one.name) for one in here if str(one.specifier) != f'=={versions.get(one.name)}'
    }
    assert different == {}


def test_the_page_of_licences_lists_the_lock_and_no_unexpected_licence():
    rows = re.findall(r'^\| ([\w.-]+) \| (\S+) \| (.+) \|$', (ROOT / 'docs/licences.md').read_text(), re.M)[2:]
    assert [(name, f'=={version}') for name, version, _ in rows] == [
        (requirement.name, str(requirement.specifier)) for requirement, _ in entries(LOCK)
    ]
    elsewhere = 'not installed on this system'
    known = {
        'certifi': 'MPL-2.0',
        'codespell': 'GPL-2.0-only',  # a command for developers, which nothing imports
        'hypothesis': 'MPL-2.0',
        'pathspec': 'MPL-2.0',
        'tqdm': 'MPL-2.0 AND MIT',
    }  # of whole files, which we do not change
    known |= {'docutils': STATED['docutils'], 'colorama': elsewhere, 'httpx2-jsfetch': elsewhere}
    for name, _, licence in rows:
        assert licence == known.get(name) or (PERMISSIVE.search(licence) and not re.search('GPL|MPL', licence)), name
        if licence != elsewhere and licence_of(name) != elsewhere:
            assert licence == licence_of(name), name


@pytest.mark.slow
def test_importing_every_module_and_loading_a_config_uses_no_network_and_says_nothing():
    done = subprocess.run(
        [sys.executable, ROOT / 'tests/programs/import_offline.py'],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stderr == ''
    assert int(done.stdout) > 80


def test_the_tests_cannot_use_the_network():
    with pytest.raises(RuntimeError, match='tests use no network'):
        socket.create_connection(('192.0.2.1', 80), timeout=1)
    with pytest.raises(RuntimeError, match='tests use no network'):
        socket.getaddrinfo('example.org', 80)
    # What they start goes by a proxy that is not there.
    program = [sys.executable, ROOT / 'tests/programs/download.py']
    done = subprocess.run(program, capture_output=True, text=True, check=False)
    assert 'Connection refused' in done.stderr

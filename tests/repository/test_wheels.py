"""What users install: semrestore's wheel and a plugin's, away from the sources."""

import email
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from semrestore.cli import new_plugin
from semrestore.cli.run import run

ROOT = Path(__file__).parents[2]


def call(*arguments, **options):
    done = subprocess.run([sys.executable, *map(str, arguments)], capture_output=True, text=True, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def build(package, folder):
    call('-m', 'pip', 'wheel', '--quiet', '--no-deps', '--no-build-isolation', '--wheel-dir', folder, package)
    return next(folder.glob('*.whl'))


def metadata(wheel):
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith('.dist-info/METADATA')]
        return email.message_from_bytes(archive.read(name))


@pytest.fixture(scope='module')
def source(tmp_path_factory):
    """A copy of what git would check out."""
    source = tmp_path_factory.mktemp('source') / 'semrestore'
    ignored = shutil.ignore_patterns(
        '.git', '.venv', 'work_dirs', 'data', '*.egg-info', '__pycache__', '_build', 'build'
    )
    shutil.copytree(ROOT, source, symlinks=True, ignore=ignored)
    return source


@pytest.fixture(scope='module')
def wheel(source, tmp_path_factory):
    return build(source, tmp_path_factory.mktemp('wheel'))


def check_content(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    configs = {path.relative_to(ROOT).as_posix() for path in (ROOT / 'configs').rglob('*.py')}
    assert {f'semrestore/.mim/{name}' for name in configs} <= names
    assert {
        path.relative_to(ROOT).as_posix() for path in (ROOT / 'semrestore/templates').rglob('*') if path.is_file()
    } <= names
    weights = {path.name for path in (ROOT / 'weights').iterdir()}
    assert len(weights) > 5
    assert {f'semrestore/.mim/weights/{name}' for name in weights} <= names
    assert {'semrestore/py.typed', 'semrestore/visualization/comparison.html'} <= names
    assert not any(name.startswith(('tests/', 'tools/', 'examples/')) for name in names)


def test_configs_weights_and_templates_are_in_the_wheel(wheel):
    check_content(wheel)


@pytest.mark.slow
def test_a_wheel_from_the_source_distribution_has_the_same_files(source, wheel, tmp_path):
    program = f'from setuptools import build_meta; build_meta.build_sdist({str(tmp_path)!r})'
    call('-c', program, cwd=source)
    (archive,) = tmp_path.glob('*.tar.gz')
    assert archive.stat().st_size < 30e6  # PyPI takes 100 MB
    rebuilt = build(archive, tmp_path / 'wheel')
    check_content(rebuilt)
    assert set(zipfile.ZipFile(rebuilt).namelist()) == set(zipfile.ZipFile(wheel).namelist())


def test_the_wheel_tells_pypi_what_it_is(wheel):
    told = metadata(wheel)
    assert told['License-Expression'] == 'Apache-2.0'  # PEP 639, which allows no classifier beside it
    assert not any(one.startswith('License ::') for one in told.get_all('Classifier'))
    assert told['Description-Content-Type'] == 'text/markdown'
    known = (ROOT / 'docs/installation.md').read_text()
    assert all(f'`{extra}`' in known for extra in told.get_all('Provides-Extra'))


@pytest.mark.slow
def test_the_first_python_of_the_readme_runs_on_the_installed_wheel(wheel, tmp_path):
    call('-m', 'venv', '--without-pip', tmp_path / 'venv')
    python = tmp_path / 'venv/bin/python'
    inside = 'import sysconfig; print(sysconfig.get_path("purelib"))'
    site = subprocess.run([python, '-c', inside], capture_output=True, text=True, check=True).stdout.strip()
    call('-m', 'pip', 'install', '--quiet', '--no-deps', '--target', site, wheel)
    # The packages that semrestore needs are those of this environment, behind its own.
    Path(site, 'needed.pth').write_text('\n'.join(path for path in sys.path if 'site-packages' in path))
    block = re.search(r'```python\n(.*?)```', (ROOT / 'README.md').read_text(), re.DOTALL)[1]
    # Nothing is downloaded here: the network is the same without torchvision's weights.
    block = block.replace('mobilenet_v2(weights=weights)', 'mobilenet_v2()')
    program = f'{block}\nprint(semrestore.__file__, *scores.shape)'
    Image.new('RGB', (300, 240), 'red').save(tmp_path / 'photo.jpg')
    environment = {key: value for key, value in os.environ.items() if key != 'PYTHONPATH'}
    done = subprocess.run([python, '-c', program], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].split() == [f'{site}/semrestore/__init__.py', '1', '1000']


@pytest.mark.slow
def test_plugins_of_every_kind_pass_their_tests_beside_the_wheel(wheel, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    packages = []
    for kind in new_plugin.KINDS:
        assert run(new_plugin.main, [f'semrestore-tidy-{kind}', '--kind', kind]) == 0
        packages.append(tmp_path / f'semrestore-tidy-{kind}')
        source = packages[-1] / f'semrestore_tidy_{kind}/{kind}.py'
        assert f'class Tidy{kind.capitalize()}(' in source.read_text()
    site = tmp_path / 'site'
    install = ['-m', 'pip', 'install', '--quiet', '--no-deps', '--no-build-isolation', '--target', site]
    call(*install, wheel, *packages)
    # Away from the sources, so that what is tested is what was installed.
    tests = [package.joinpath('tests').rename(tmp_path / f'tests_{package.name}') for package in packages]
    environment = os.environ | dict(PYTHONPATH=str(site))
    where = call(ROOT / 'tests/programs/where.py', env=environment)
    assert where.count(str(site)) == 2
    report = call('-m', 'pytest', '-q', '--import-mode=importlib', *tests, env=environment)
    assert ' passed' in report
    assert 'failed' not in report
    ruff = ['-m', 'ruff', 'check', '--no-cache', '--line-length', '140', '--select', 'E,F,B,D,UP']
    call(*ruff, '--ignore', 'D1,D2,D4,E501', *packages)

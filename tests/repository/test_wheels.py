"""What users install: semrestore's wheel and a plugin's, away from the sources."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

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


@pytest.fixture(scope='module')
def wheel(tmp_path_factory):
    """Our wheel, built from a copy of what git would check out."""
    folder = tmp_path_factory.mktemp('wheel')
    source = folder / 'source'
    ignored = shutil.ignore_patterns(
        '.git', '.venv', 'work_dirs', 'data', '*.egg-info', '__pycache__', '_build', 'build'
    )
    shutil.copytree(ROOT, source, symlinks=True, ignore=ignored)
    return build(source, folder)


def test_configs_and_templates_are_in_the_wheel(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    configs = {path.relative_to(ROOT).as_posix() for path in (ROOT / 'configs').rglob('*.py')}
    assert {f'semrestore/.mim/{name}' for name in configs} <= names
    assert {
        path.relative_to(ROOT).as_posix() for path in (ROOT / 'semrestore/templates').rglob('*') if path.is_file()
    } <= names
    assert not any(name.startswith(('tests/', 'tools/', 'examples/')) for name in names)


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
    assert 'MODELS: TidyDegradation' in call('-m', 'semrestore', 'plugins', env=environment)
    report = call('-m', 'pytest', '-q', '--import-mode=importlib', *tests, env=environment)
    assert ' passed' in report
    assert 'failed' not in report
    ruff = ['-m', 'ruff', 'check', '--no-cache', '--line-length', '140', '--select', 'E,F,B,D,UP']
    call(*ruff, '--ignore', 'D1,D2,D4,E501', *packages)

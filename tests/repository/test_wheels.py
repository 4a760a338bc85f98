"""What users install: semrestore's wheel and a plugin's, away from the sources."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

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
def test_a_plugin_passes_its_tests_beside_the_wheel(wheel, tmp_path):
    plugin = tmp_path / 'plugin/semrestore-stripes'
    call('-m', 'semrestore', 'new-plugin', 'semrestore-stripes', '--kind', 'degradation', '--out', plugin)
    site = tmp_path / 'site'
    call('-m', 'pip', 'install', '--quiet', '--no-deps', '--target', site, wheel, build(plugin, plugin.parent))
    tests = shutil.copytree(plugin / 'tests', tmp_path / 'tests')
    environment = os.environ | dict(PYTHONPATH=str(site))
    where = call(
        ROOT / 'tests/programs/where.py',
        env=environment,
        cwd=tmp_path,
    )
    assert where.count(str(site)) == 2
    assert 'MODELS: StripesDegradation' in call('-m', 'semrestore', 'plugins', env=environment, cwd=tmp_path)
    report = call('-m', 'pytest', '-q', tests, env=environment, cwd=tmp_path)
    assert ' passed' in report
    assert 'failed' not in report

"""The examples run as their pages say."""

import os
import runpy
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

from semrestore.cli import denoise
from semrestore.cli.run import run
from tests import tiny_data

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_two_workers_of_ray_write_what_the_command_writes(tmp_path):
    pytest.importorskip('ray', reason='ray is not installed')
    for index in range(6):
        tiny_data.save(tiny_data.photo(48, index), tmp_path / f'in/{index % 2}/{index}.png')
    (tmp_path / 'in/broken.jpg').write_bytes(b'no image')
    script = [sys.executable, ROOT / 'examples/ray-denoise/denoise.py', 'in', '--out', 'out', '--workers', '2']
    # Ray's processes talk to each other by this machine's address, not by localhost.
    own = {key: value for key, value in os.environ.items() if not key.lower().endswith('_proxy')}
    path = os.pathsep.join([str(ROOT), os.environ.get('PYTHONPATH', '')])
    environment = {**own, 'PYTHONPATH': path, 'RAY_USAGE_STATS_ENABLED': '0'}
    done = subprocess.run(script, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=500)
    assert done.returncode == 2, done.stderr
    assert 'broken.jpg' in done.stderr
    assert '6 of 7 ' in done.stdout
    assert run(denoise.main, [str(tmp_path / 'in'), '--out', str(tmp_path / 'expected'), '--batch-size', '1']) == 2
    expected = {path.relative_to(tmp_path / 'expected') for path in (tmp_path / 'expected').rglob('*.png')}
    assert len(expected) == 6
    for path in expected:
        assert (tmp_path / 'out' / path).read_bytes() == (tmp_path / 'expected' / path).read_bytes(), path


def test_the_space_says_what_hugging_face_asks_for_and_installs_the_page():
    space = ROOT / 'examples/space'
    _, front, _ = (space / 'README.md').read_text().split('---\n', 2)
    settings = yaml.safe_load(front)
    # https://huggingface.co/docs/hub/spaces-config-reference
    assert (settings['sdk'], settings['app_file']) == ('gradio', 'app.py')
    assert len(settings['short_description']) <= 60
    lines = (space / 'requirements.txt').read_text().split('\n')
    (needed,) = [Requirement(line) for line in lines if line and not line.startswith('--')]
    assert needed.name == 'semrestore'
    extras = tomllib.loads((ROOT / 'pyproject.toml').read_text())['project']['optional-dependencies']
    (gradio,) = [Requirement(text) for extra in needed.extras for text in extras[extra]]
    assert gradio.name == settings['sdk']
    assert gradio.specifier.contains(settings['sdk_version'])


@pytest.mark.slow
def test_the_space_builds_its_page():
    pytest.importorskip('gradio', reason="the extra `app` is not installed: pip install 'semrestore[app]'")
    from semrestore.app.page import build_page
    from semrestore.app.trial import Trial

    space = runpy.run_path(str(ROOT / 'examples/space/app.py'), run_name='space')
    assert build_page(Trial(space['LIMITS'], 'cpu'), space['NETWORKS'])

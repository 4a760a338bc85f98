"""The documents are followed literally: the task of one's own, block by block; the public API is what its page says."""

import ast
import importlib
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.processes import command

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r'(?:`(?P<name>[\w.]+)`:\n\n)?```(?P<language>python|bash)\n(?P<text>.*?)```', re.DOTALL)


@pytest.mark.slow
def test_your_own_task_step_by_step(tmp_path):
    page = (ROOT / 'docs/your_own_task.md').read_text(encoding='utf-8')
    environment = os.environ | dict(PYTHONPATH=str(ROOT))
    blocks = list(BLOCK.finditer(page))
    assert len(blocks) > 5
    for block in blocks:
        if block['language'] == 'python':
            (tmp_path / block['name']).write_text(block['text'], encoding='utf-8')
            continue
        for line in block['text'].replace('\\\n', ' ').splitlines():
            program, *arguments = shlex.split(line)
            if program == 'semrestore':
                done = command(*arguments, CWD=str(tmp_path))
            else:
                assert program == 'python'
                arguments = [sys.executable, *arguments]
                done = subprocess.run(arguments, cwd=tmp_path, env=environment, capture_output=True, text=True)
            assert done.returncode == 0, done.stdout + done.stderr
    assert '### retrieval_sigma30, similarity (%), 44 images' in (tmp_path / 'matrix/matrix.md').read_text()
    assert (tmp_path / 'semrestore-retrieval/pyproject.toml').is_file()


def documented():
    page = (ROOT / 'docs/api.md').read_text(encoding='utf-8')
    modules = {
        module: names.split(', ') for module, names in re.findall(r'automodule:: (\S+)\n   :members: (.+)', page)
    }
    for module, name in re.findall(r'autodata:: (\S+)\.(\w+)', page):
        modules.setdefault(module, []).append(name)
    return modules


@pytest.mark.parametrize('module', documented())
def test_the_public_api_is_what_its_page_lists(module):
    # Who removes a name here takes it from its users: see docs/plugins.md.
    built = importlib.import_module(module)
    listed = set(documented()[module])
    assert listed == set(built.__all__) - {'networks'}
    for name in listed:
        assert getattr(built, name) is not None
        assert module.startswith('semrestore.')


def test_the_example_plugin_uses_nothing_but_the_public_api():
    public = documented()
    used = set()
    for path in (ROOT / 'examples').rglob('*.py'):
        for node in ast.walk(ast.parse(path.read_text(encoding='utf-8'))):
            if isinstance(node, ast.ImportFrom) and node.module.split('.')[0] == 'semrestore':
                used |= {(node.module, alias.name) for alias in node.names}
            elif isinstance(node, ast.Import):
                assert not [alias.name for alias in node.names if alias.name.split('.')[0] == 'semrestore'], path
    assert len(used) > 10
    assert [(module, name) for module, name in sorted(used) if name not in public.get(module, ())] == []

"""Plugins: found by entry point or beside a config, failures and conflicts named, and the template of every kind."""

import re
from pathlib import Path

import pytest

from semrestore import __version__
from tests.processes import command

ROOT = Path(__file__).parents[1]

LOSS = """
from semrestore.losses import Loss
from semrestore.registry import MODELS

@MODELS.register_module({register})
class {name}(Loss):
    def forward(self, step):
        return (step.restored - step.clean).abs().mean()
"""


@pytest.fixture
def site(tmp_path):
    """A folder that stands in for site-packages: modules with the metadata that pip would have written."""
    folder = tmp_path / 'site'
    folder.mkdir()

    def install(name, source, version='1.0'):
        (folder / f'{name}.py').write_text(source)
        metadata = folder / f'{name}-{version}.dist-info'
        metadata.mkdir()
        (metadata / 'METADATA').write_text(f'Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n')
        (metadata / 'entry_points.txt').write_text(f'[semrestore.plugins]\n{name} = {name}\n')

    install.folder = folder
    return install


def semrestore(*arguments, site=None, cwd=None):
    given = dict(PYTHONPATH=str(site)) if site else {}
    return command(*arguments, **given, **(dict(CWD=str(cwd)) if cwd else {}))


def test_plugins_are_listed_and_one_that_fails_stops_no_other(site, tmp_path):
    site(
        'aaa_broken',
        'from semrestore.registry import MODELS\n@MODELS.register_module()\nclass Half: ...\nimport no_such_package\n',
    )
    site('edges', LOSS.format(name='EdgeLoss', register=''), version='2.3')
    done = semrestore('plugins', site=site.folder)
    assert done.returncode == 2
    assert re.search(r'edges 2\.3\n.*\bMODELS\b.*\bEdgeLoss\b', done.stdout)
    assert 'no_such_package' in done.stdout
    assert 'aaa_broken' in done.stderr
    # What works is usable all the same; what half a plugin registered is not.
    config = tmp_path / 'config.py'
    text = "_base_ = 'semrestore::embedded/denoise_sigma30.py'\n"
    text += "model = dict(losses=dict(edges=dict(type='EdgeLoss', weight=0.1)))\n"
    config.write_text(text + 'train_cfg = dict(max_iters=1, val_begin=9)\ntrain_dataloader = dict(batch_size=2)\n')
    done = semrestore('train', config, '--work-dir', tmp_path / 'run', site=site.folder)
    assert done.returncode == 0, done.stderr
    assert 'aaa_broken 1.0' in done.stderr
    config.write_text(text.replace('EdgeLoss', 'Half'))
    done = semrestore('train', config, '--work-dir', tmp_path / 'run', site=site.folder)
    assert done.returncode == 2
    (error,) = (line for line in done.stderr.splitlines() if line.startswith('error: '))
    assert all(name in error for name in ('model.losses.edges.type', "'Half'", 'aaa_broken 1.0', 'no_such_package'))


@pytest.mark.parametrize('register', ['', 'force=True'])
def test_two_plugins_of_one_name_are_both_named(site, register):
    site('one', LOSS.format(name='EdgeLoss', register=''))
    site('two', LOSS.format(name='EdgeLoss', register=register), version='0.2')
    done = semrestore('plugins', site=site.folder)
    assert done.returncode == 2
    assert all(name in done.stderr for name in ('two 0.2', "'EdgeLoss'", 'MODELS', 'one 1.0'))
    assert 'Traceback' not in done.stderr


def test_a_plugin_does_not_replace_what_semrestore_has(site):
    site('one', LOSS.format(name='ReconstructionLoss', register='force=True'))
    done = semrestore('plugins', site=site.folder)
    assert done.returncode == 2
    assert all(name in done.stderr for name in ('one 1.0', "'ReconstructionLoss'", 'MODELS'))


def test_without_plugins_the_list_says_so():
    done = semrestore('plugins')
    assert done.returncode == 0
    assert "'semrestore.plugins'" in done.stdout


def test_a_file_beside_a_config_is_enough(tmp_path):
    (tmp_path / 'my_edges.py').write_text(LOSS.format(name='MyEdges', register=''))
    config = tmp_path / 'config.py'
    config.write_text(
        "_base_ = 'semrestore::embedded/denoise_sigma30.py'\ncustom_imports = dict(imports='my_edges')\n"
        "model = dict(losses=dict(edges=dict(type='MyEdges')))\n"
        'train_cfg = dict(max_iters=1, val_begin=9)\ntrain_dataloader = dict(batch_size=2)\n'
    )
    done = semrestore('train', config, '--work-dir', tmp_path / 'run', cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / 'run/iter_1.pth').is_file()
    config.write_text(config.read_text().replace('MyEdges', 'MyEgdes'))
    done = semrestore('train', config, cwd=tmp_path)
    assert re.search(r"model\.losses\.edges\.type .*'MyEgdes'.*\bMyEdges\b", done.stderr)
    (tmp_path / 'my_edges.py').write_text('import no_such_package')
    done = semrestore('train', config, cwd=tmp_path)
    assert done.returncode == 2
    assert str(config) in done.stderr
    assert "'no_such_package'" in done.stderr


def test_a_file_that_an_installed_module_hides_is_refused(tmp_path):
    (tmp_path / 'colorsys.py').write_text(LOSS.format(name='MyEdges', register=''))
    config = tmp_path / 'config.py'
    config.write_text(
        "_base_ = 'semrestore::embedded/denoise_sigma30.py'\ncustom_imports = dict(imports=['colorsys'])\n"
    )
    done = semrestore('train', config)
    assert done.returncode == 2
    assert str(tmp_path / 'colorsys.py') in done.stderr


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['trian'], "'trian'"),
        (['train', 'semrestore::embedded/nowhere.py'], "'semrestore::embedded/nowhere.py'"),
        (['train', 'no_such_package::a/b.py'], "'no_such_package::a/b.py'"),
        (['new-plugin', 'Edges', '--kind', 'loss'], "'Edges'"),
        (
            ['new-plugin', 'semrestore', '--kind', 'loss'],
            "'semrestore'",
        ),
        (['new-plugin', 'class', '--kind', 'loss'], "'class'"),
        (['new-plugin', 'edges', '--kind', 'loss', '--out', 'tests'], "'tests'"),
    ],
)
def test_bad_input_is_named(arguments, message):
    done = semrestore(*arguments, cwd=ROOT)
    assert done.returncode == 2
    assert message in done.stderr
    assert 'Traceback' not in done.stderr


def test_the_command_lists_its_commands_and_version():
    assert 'cross-task' in semrestore('--help').stdout
    assert semrestore('--version').stdout == f'semrestore {__version__}\n'
    assert semrestore('cross-task', '--help').stdout.startswith('usage: semrestore cross-task')

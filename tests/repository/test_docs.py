"""The documents are followed literally: the task of one's own, block by block; the public API is what its page says."""

import importlib
import io
import re
import shlex
import sys
from pathlib import Path

import pytest
from mmengine.registry import DefaultScope
from PIL import Image

from semrestore.__main__ import main
from semrestore.config import load_config
from semrestore.registry import DATASETS, MODELS
from semrestore.testing import check_degradation, check_loss
from semrestore.weights.zoo import published
from tests import tiny_data
from tests.datasets.test_stored_photos import write_tar
from tests.images.test_film import make
from tests.processes import command, run_module, start

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r'(?:`(?P<name>[\w.]+)`:\n\n)?```(?P<language>python|bash|json)\n(?P<text>.*?)```', re.DOTALL)


@pytest.mark.slow
def test_your_own_task_step_by_step(tmp_path):
    page = (ROOT / 'docs/your_own_task.md').read_text(encoding='utf-8')
    smaller = [f'model.denoiser.{part}_channels=16' for part in ('encoder', 'decoder')]
    smaller += [f'{part}_dataloader.dataset.indices=4' for part in ('val', 'test')]
    blocks = list(BLOCK.finditer(page))
    assert len(blocks) > 5
    for block in blocks:
        if block['language'] == 'python':
            (tmp_path / block['name']).write_text(block['text'], encoding='utf-8')
            continue
        for line in block['text'].replace('\\\n', ' ').splitlines():
            program, *arguments = shlex.split(line)
            if program == 'semrestore':
                options = ['--cfg-options', *smaller] if arguments[0] in ('train', 'test', 'cross-task') else []
                done = command(*arguments, *options, CWD=str(tmp_path))
            else:
                assert [program, arguments.pop(0)] == ['python', '-m']
                done = start(run_module, *arguments, CWD=str(tmp_path)).done()
            assert done.returncode == 0, done.stdout + done.stderr
    assert '### retrieval_sigma30, similarity (%), 4 images' in (tmp_path / 'matrix/matrix.md').read_text()
    assert (tmp_path / 'semrestore-retrieval/pyproject.toml').is_file()


def test_the_loss_and_the_degradation_on_the_page_of_plugins_work(tmp_path, monkeypatch):
    page = (ROOT / 'docs/plugins.md').read_text(encoding='utf-8')
    files = {block['name']: block['text'] for block in BLOCK.finditer(page) if block['name']}
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding='utf-8')
    monkeypatch.setattr(sys, 'path', [*sys.path])  # which the folder of a config is put into
    cfg = load_config(tmp_path / 'edges.py')
    with DefaultScope.overwrite_default_scope('semrestore'):
        check_degradation(MODELS.build(cfg.model.degradation))
        check_loss(MODELS.build(cfg.model.losses.edges))


CONFIG = re.compile(r'semrestore::[\w/]+\.py|configs/[\w/]+\.py')
READERS_OWN = {'CKPT', 'CHECKPOINT', 'CONFIG'}
COMMAND_LINES = [
    pytest.param(page.name, line, id=f'{page.name}: {line[:60]}')
    for page in (ROOT / 'README.md', *sorted((ROOT / 'docs').glob('*.md')))
    for block in BLOCK.finditer(page.read_text(encoding='utf-8'))
    if block['language'] == 'bash'
    for line in block['text'].replace('\\\n', ' ').splitlines()
    if line.startswith(('semrestore ', 'python tools/'))
]


@pytest.mark.parametrize(('page', 'line'), COMMAND_LINES)
def test_commands_on_pages_parse_and_the_configs_and_weights_they_name_exist(page, line):
    words = shlex.split(re.sub(r'(?<=[\w}])\{([\w,]+)\}', 'X', line), comments=True)
    if '>' in words or '[' in line or '...' in line or '…' in line:
        pytest.skip('a form of a command, not one to run')
    name = words[1] if words[0] == 'semrestore' else Path(words[1]).stem
    module = importlib.import_module(f'semrestore.cli.{name.replace("-", "_")}')
    given = words[2:]
    if hasattr(module, 'parse') and not READERS_OWN & set(re.findall(r'[A-Z]+', ' '.join(given))):
        module.parse(given)
    for config in CONFIG.findall(line):
        assert (ROOT / config.replace('semrestore::', 'configs/')).is_file(), config
    for weights in re.findall(r'\b(?:multiscale|recognition)-[a-z0-9]+\b', line):
        assert weights in published(), weights


def test_the_first_commands_of_the_readme_run_as_printed(tmp_path, photos):
    (tmp_path / 'noisy').mkdir()
    (tmp_path / 'more').mkdir()
    small = Image.fromarray(photos['coffee'][:, :40, :48].mul(255).byte().permute(1, 2, 0).numpy())
    for name in ('photo.jpg', 'noisy/a.png', 'more/b.jpg'):
        small.save(tmp_path / name)
    make(tmp_path / 'clip.mp4')
    page = (ROOT / 'README.md').read_text(encoding='utf-8')
    (block,) = re.findall(r'## Denoise a photo\n\n```bash\n(.*?)```', page, re.DOTALL)
    for line in block.splitlines():
        done = command(*shlex.split(line, comments=True)[1:], CWD=str(tmp_path))
        assert done.returncode == 0, done.stderr
    written = {path.name for path in (tmp_path / 'restored').glob('[!.]*')}
    assert written == {'a.png', 'b.png', 'clip.mp4', 'photo.png'}
    assert 'multiscale-blind' in done.stdout


def test_the_first_python_of_the_readme_runs(photos, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Image.fromarray(photos['coffee'].mul(255).byte().permute(1, 2, 0).numpy()).save('photo.jpg')
    page = (ROOT / 'README.md').read_text(encoding='utf-8')
    block = next(block['text'] for block in BLOCK.finditer(page) if block['language'] == 'python')
    found: dict = {}
    exec(block.replace('(weights=weights)', '()'), found)  # without the download
    assert found['scores'].shape == (1, 1000)


def test_the_config_of_the_page_works_from_any_folder(tmp_path, monkeypatch):
    page = (ROOT / 'docs/own_network.md').read_text(encoding='utf-8')
    (config,) = (block['text'] for block in BLOCK.finditer(page) if '_base_ = [' in block['text'])
    (tmp_path / 'mine.py').write_text(config, encoding='utf-8')
    monkeypatch.chdir(tmp_path)
    cfg = load_config('mine.py')
    assert cfg.train_dataloader.dataset.dataset.folder == 'photos'
    assert cfg.model.task.model.model_name == 'resnet50'


@pytest.mark.parametrize('name', ['classes', 'masks', 'boxes'])
def test_the_configs_of_the_page_on_labels_run(name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    page = (ROOT / 'docs/own_labels.md').read_text(encoding='utf-8')
    blocks = {block['name'] or block['language']: block['text'] for block in BLOCK.finditer(page)}
    Path(f'{name}.py').write_text(blocks[f'{name}.py'])
    for part in ('train', 'val'):
        for index in (1, 2):
            photo = tiny_data.photo(140, index)
            tiny_data.save(photo, Path(f'data/{part}/photos/{index}.jpg'))
            tiny_data.save(photo[..., 0] // 128, Path(f'data/{part}/masks/{index}.png'))
        Path(f'data/{part}/boxes.json').write_text(blocks['json'])
    options = ['load_from=None', 'model.task.checkpoint=random', 'train_cfg.max_iters=1']
    options += [f'model.denoiser.{part}_channels=16' for part in ('encoder', 'decoder')]
    text = blocks['bash'].replace('\\\n', '').replace('classes', name).replace('iter_2000', 'iter_1')
    lines = [[*line.split()[1:], '--cfg-options', *options] for line in text.splitlines()]
    assert [main(line) for line in lines] == [0, 0, 0]
    assert f'### {name}, ' in Path('matrix/matrix.md').read_text()
    if name == 'classes':
        for line in lines:  # without a folder the other classes would have wrong labels
            Path('data/val/masks').rename('data/masks')
            assert main(line) == 2
            assert '1 class folders' in capsys.readouterr().err
            Path('data/masks').rename('data/val/masks')
        Path('data/val/broken.txt').write_text('a 0\nb')
        assert main([*lines[1], 'test_dataloader.dataset.ann_file=broken.txt']) == 2
        assert "'data/val/broken.txt': line 2 " in capsys.readouterr().err


@pytest.mark.parametrize(('name', 'needed'), [('tables.py', 'datasets.features'), ('archives.py', 'wids')])
def test_the_configs_of_the_page_on_data_read_tables_and_archives(name, needed, tmp_path, monkeypatch):
    pytest.importorskip(needed, reason=f'{needed} is not installed')
    page = (ROOT / 'docs/data.md').read_text(encoding='utf-8')
    (config,) = (block['text'] for block in BLOCK.finditer(page) if block['name'] == name)
    (tmp_path / name).write_text(config, encoding='utf-8')
    content = io.BytesIO()
    Image.fromarray(tiny_data.photo(300, 0)).save(content, 'PNG')
    if name == 'tables.py':
        monkeypatch.setattr('datasets.config.HF_DATASETS_CACHE', str(tmp_path / 'cache'))
        table = importlib.import_module('datasets').Dataset.from_dict(dict(image=[content.getvalue()] * 10))
        table.to_parquet(tmp_path / 'photos/all.parquet')
    else:
        for number in range(2):
            write_tar(
                tmp_path / f'shards/photos-00{number}.tar', [(f'{key}.png', content.getvalue()) for key in range(5)]
            )
    monkeypatch.chdir(tmp_path)
    cfg = load_config(name)
    with DefaultScope.overwrite_default_scope('semrestore'):
        train, apart = (DATASETS.build(cfg[loader].dataset) for loader in ('train_dataloader', 'val_dataloader'))
    assert (len(train), len(apart)) == (2, 8)
    assert train[0]['inputs'].shape == (3, 128, 128)
    assert apart[0]['inputs'].shape == (3, 224, 224)


@pytest.mark.parametrize(
    ('page', 'needed', 'printed'),
    [
        ('own_network', 'torchvision', 'torch.Size([1, 1000])'),
        ('other_restorers', 'spandrel', 'NAFNet torch.Size([2, 3, 37, 53])'),
    ],
)
def test_the_first_block_of_a_page_runs(page, needed, printed, tmp_path, monkeypatch, capsys):
    pytest.importorskip(needed, reason=f'{needed} is not installed')
    monkeypatch.chdir(tmp_path)
    block = BLOCK.search((ROOT / f'docs/{page}.md').read_text(encoding='utf-8'))
    exec(block['text'], {})
    assert capsys.readouterr().out.endswith(f'{printed}\n')


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


def test_templates_and_the_page_on_tasks_use_nothing_but_the_public_api():
    public = documented()
    texts = [path.read_text(encoding='utf-8') for path in (ROOT / 'semrestore/templates/plugin').rglob('*.py.in')]
    page = (ROOT / 'docs/your_own_task.md').read_text(encoding='utf-8')
    texts += [block['text'] for block in BLOCK.finditer(page) if block['language'] == 'python']
    found = [match for text in texts for match in re.findall(r'^from (semrestore[\w.]*) import (.+)$', text, re.M)]
    used = {(module, name) for module, names in found for name in names.split(', ')}
    assert len(used) > 10
    assert [(module, name) for module, name in sorted(used) if name not in public.get(module, ())] == []

"""The whole way: the plugin is found, a denoiser is fitted for the reader by its config, and the matrix judges it."""

import json

from semrestore.__main__ import main
from semrestore.config import load_config

CONFIG = 'semrestore_text::text/recognition.py'


def test_the_plugin_is_found(capsys):
    assert main(['plugins']) == 0
    assert 'semrestore_text: semrestore_text, from semrestore-text' in capsys.readouterr().out


def test_a_fit_and_the_matrix_take_the_reader(lines, tmp_path, monkeypatch):
    monkeypatch.setenv('TEXT_LINES', str(lines))
    out = tmp_path / 'reader.safetensors'
    noise = ['--noise', 'semrestore_text::text/mixture.py', '--iterations', '2']
    assert main(['fit', CONFIG, '--photos', str(lines), *noise, '--out', str(out)]) == 0
    own, fitted = load_config(CONFIG), load_config(out.with_suffix('.py'))
    for loader in ('train_dataloader', 'test_dataloader'):
        ours, theirs = own[loader].dataset, fitted[loader].dataset
        assert getattr(theirs, 'dataset', theirs).pipeline == getattr(ours, 'dataset', ours).pipeline
    few = ['--limit', 'noisy=4', 'clean=4', 'fitted=4']
    arguments = ['--tasks', CONFIG, '--denoisers', 'noisy', 'clean', f'fitted={out}', '--sigma', '50', *few]
    assert main(['cross-task', *arguments, '--out', str(tmp_path / 'matrix')]) == 0
    records = json.loads((tmp_path / 'matrix/matrix.json').read_text())['records']
    rates = {(one['method'], one['metric']): one['value'] for one in records if one['sigma'] == 50}
    assert rates['noisy', '1-CER'] < rates['clean', '1-CER']
    assert rates['clean', '1-WER'] <= rates['clean', '1-CER']


def test_training_by_texts_runs_as_well(lines, tmp_path, monkeypatch):
    monkeypatch.setenv('TEXT_LINES', str(lines))
    short = ['train_cfg.max_iters=2', 'train_cfg.val_interval=99']
    config = CONFIG.replace('.py', '_texts.py')
    assert main(['train', config, '--work-dir', str(tmp_path / 'run'), '--cfg-options', *short]) == 0
    assert (tmp_path / 'run/iter_2.pth').is_file()

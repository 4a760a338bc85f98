import pytest
import torch
from semrestore_text.networks import INSTALL, is_installed


def pytest_collection_modifyitems(items):
    if not is_installed():
        why = f'the networks and their weights are not installed: {INSTALL}'
        for item in items:
            if item.get_closest_marker('networks'):
                item.add_marker(pytest.mark.skip(reason=why))


def pytest_configure(config):
    config.addinivalue_line('markers', 'networks: needs EasyOCR and its weights')


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


@pytest.fixture(scope='session')
def lines(tmp_path_factory):
    """A folder of 24 lines with their texts."""
    from semrestore_text.pages import write

    folder = tmp_path_factory.mktemp('texts')
    write(folder, 'paragraphs', 24, seed=1)
    return folder / 'lines'

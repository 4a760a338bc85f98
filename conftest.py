"""Set up all tests: fixtures, one thread a process, no network."""

import gc
import ipaddress
import os
import sys

if 'PYTEST_XDIST_WORKER' in os.environ:  # before torch is imported, and for what the tests start
    os.environ['OMP_NUM_THREADS'] = '1'

# What is started goes by a proxy that is not there; what is here, below.
os.environ |= dict.fromkeys(
    ('http_proxy', 'https_proxy', 'HTTP_PROXY', 'HTTPS_PROXY', 'all_proxy'), 'http://127.0.0.1:9'
)
os.environ |= dict.fromkeys(('no_proxy', 'NO_PROXY'), 'localhost,127.0.0.1')
os.environ['HF_HUB_OFFLINE'] = '1'  # or it tries five times

import numpy as np
import pytest
import torch
from mmengine.logging import MMLogger
from mmpretrain.structures import DataSample

from semrestore.datasets import EmbeddedPhotos
from semrestore.images import read_photo
from semrestore.registry import MODELS
from tests import quick
from tests.common import CLASSIFIER, LOSSES

collect_ignore = ['setup.py', 'tests/preloaded.py', 'tests/programs']  # imported or run by tests, not by pytest


def _stay_offline(event, arguments):
    if event == 'socket.connect':
        host = arguments[1][0] if isinstance(arguments[1], tuple) else 'localhost'  # a path: a socket of this machine
    elif event == 'socket.getaddrinfo':
        host = arguments[0]
    else:
        return
    host = host.decode() if isinstance(host, bytes) else host
    try:
        local = host in (None, '', 'localhost') or ipaddress.ip_address(host).is_loopback
    except ValueError:
        local = False
    if not local:
        raise RuntimeError(f'tests use no network, and this one asks for {host}')


sys.addaudithook(_stay_offline)


def pytest_collection_modifyitems(items):
    """Start the files that take minutes first, so that two processes end together."""
    slow = {item.path for item in items if item.get_closest_marker('slow')}
    items.sort(key=lambda item: item.path not in slow)


def pytest_collection_finish():
    """Exclude imported objects from garbage collection."""
    gc.freeze()


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)
    np.random.seed(0)


@pytest.fixture(autouse=True)
def _fresh_logger():
    """Forget the loggers of earlier runs in this process, whose streams are closed."""
    MMLogger._instance_dict.clear()


@pytest.fixture
def quick_large_layers(monkeypatch):
    """Skip drawing VGG's hundred million classifier weights, which takes seconds."""
    for name in ('normal_', 'uniform_', 'trunc_normal_', 'kaiming_uniform_', 'kaiming_normal_', 'xavier_uniform_'):
        monkeypatch.setattr(torch.nn.init, name, quick.drawing(name))


@pytest.fixture(scope='session')
def photo_paths():
    datasets = [EmbeddedPhotos(split=split) for split in ('train', 'val')]
    return {
        info['name']: info['img_path']
        for dataset in datasets
        for info in map(dataset.get_data_info, range(len(dataset)))
    }


@pytest.fixture(scope='session')
def photos(photo_paths):
    """Embedded photos by name: tensors of shape (3, H, W), 0..1."""
    return {
        name: torch.from_numpy(read_photo(path).copy()).permute(2, 0, 1) / 255 for name, path in photo_paths.items()
    }


@pytest.fixture
def build_cascade():
    """Build a cascade around a small random classifier with real layers of a real library."""

    def build(losses=LOSSES, classifier=CLASSIFIER, **changes):
        model = dict(
            type='Cascade',
            denoiser=dict(type='MultiScaleDenoiser', encoder_channels=16, decoder_channels=16),
            degradation=dict(type='GaussianNoise', sigma=30),
            losses=losses,
            task=dict(type='OpenMMLabTask', model=classifier, checkpoint='random') if classifier else None,
        )
        return MODELS.build({**model, **changes})

    return build


@pytest.fixture
def batch(photos):
    """Four labelled crops as the data loader of a labelled dataset gives them."""
    crops = [photos['astronaut'][:, y : y + 64, x : x + 64] for y, x in ((0, 200), (100, 180), (60, 60), (300, 100))]
    images = (torch.stack(crops) * 255).to(torch.uint8)
    samples = [
        DataSample(metainfo=dict(img_path=f'{name}.png')).set_gt_label(label) for label, name in enumerate('abcd')
    ]
    return dict(inputs=images, data_samples=samples)

"""The fixtures that tests of several folders use."""

import shutil

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


@pytest.fixture
def browser():
    """A real chromium without a window."""
    playwright = pytest.importorskip(
        'playwright.sync_api', reason='playwright is not installed: pip install playwright'
    )
    chromium = shutil.which('chromium') or shutil.which('chromium-browser') or shutil.which('google-chrome')
    if not chromium:
        pytest.skip('there is no chromium: apt-get install chromium')
    with playwright.sync_playwright() as started:
        flags = [
            '--no-sandbox',
            '--disable-gpu',
            '--no-first-run',
            '--disable-background-networking',
            '--disable-component-update',
            '--disable-sync',
        ]
        running = started.chromium.launch(executable_path=chromium, args=flags)
        yield running
        running.close()

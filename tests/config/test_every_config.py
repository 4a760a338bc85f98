"""Every config takes a step or two and is evaluated, on tiny data in the trees that it reads."""

import json
import math
import os
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from semrestore.config import load_config
from semrestore.config.check import frozen_networks, trains_a_task
from semrestore.config.keys import nodes
from semrestore.engine import evaluate, train
from tests import tiny_data

SIDE = 65  # of segmenters' crops
NARROW = {
    'DRUNet': dict(channels=(8, 8, 8, 8), blocks=1),
    'MultiScaleDenoiser': dict(encoder_channels=16, decoder_channels=16),
}


def bases(path):
    """Return the files in ``_base_`` that a config consists of, besides itself."""
    found = set()
    for base in Config._get_base_files(str(path)):
        if '::' in base:
            found.add(base)
            continue
        base = (path.parent / base).resolve()
        found |= bases(base) | ({base.name} if '_base_' in base.parts else set())
    return found


def configs():
    """Yield all configs; a config that brings no new file of ``_base_`` is a slow test."""
    seen = set()
    for path in sorted(Path('configs').glob('[a-z]*/*.py')):
        parts = bases(path)
        yield pytest.param(str(path), marks=[pytest.mark.slow] if parts <= seen else [])
        seen |= parts


pytestmark = pytest.mark.usefixtures('quick_large_layers')


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp('tiny')
    tiny_data.write(root)
    return root


def load(path, work_dir):
    """Read a config and leave out weights from elsewhere; its denoiser becomes a narrow one."""
    cfg = load_config(path)
    cfg.work_dir, cfg.load_from = str(work_dir), None
    for _, node in nodes(cfg):
        if node.get('folder') == 'photos':  # that of configs for one's own
            node.folder = f'{os.environ["SEMRESTORE_DATA"]}/photos'
    for network in frozen_networks(cfg).values():
        network.checkpoint = 'random'
    denoiser = cfg.model.get('denoiser', {})
    denoiser.update(NARROW.get(denoiser.get('type'), {}))
    return cfg


def shrink(cfg, steps):
    """Take fewer pixels and steps; what is done with them stays as it is."""
    loader = cfg.train_dataloader
    # A task network in training needs two images for its batch normalisation.
    loader.update(batch_size=2 if trains_a_task(cfg) else 1, num_workers=0, persistent_workers=False)
    source = loader.dataset.dataset if loader.dataset.type == 'StreamDataset' else loader.dataset
    for part in source.get('datasets', [source]):
        if part.type.startswith('mmseg.'):  # classifiers' last layers are for one size
            for transform in part.pipeline:
                if 'crop_size' in transform:
                    transform.crop_size = SIDE
    if trains_a_task(cfg) and 'backbone' in cfg.model:
        cfg.model.backbone.init_cfg = None
    if cfg.get('val_dataloader'):
        for part in cfg.val_dataloader.dataset.get('datasets', [cfg.val_dataloader.dataset]):
            part.indices = 1
    take_one(loader)
    cfg.model.pop('compile', None)  # minutes a network, and PyTorch's; test_cascade.py has that it is asked for
    cfg.train_cfg.update(max_iters=steps, val_begin=99)
    cfg.default_hooks.logger.interval = 1


def take_one(node):
    """Let data sets that take a part of their photos take one, because the tiny data sets have no more."""
    if isinstance(node, dict) and node.get('indices'):
        node['indices'] = 1
    for part in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        take_one(part)


TRAINED, EVALUATED = set(), set()


def trains_as_another(cfg):
    """Return whether an earlier config differs only in its noise level."""
    parts = cfg.to_dict() | dict(work_dir=None)
    parts['model'].get('degradation', {}).pop('sigma', None)
    text = json.dumps(parts, sort_keys=True, default=str)
    known = text in TRAINED
    TRAINED.add(text)
    return known


def is_new(cfg):
    """Return whether no earlier config is evaluated on the same data, with the same networks and metrics."""
    parts = [cfg.test_dataloader, cfg.test_evaluator, list(frozen_networks(cfg).values()), cfg.model.denoiser]
    text = json.dumps(parts, sort_keys=True, default=str)
    new = text not in EVALUATED
    EVALUATED.add(text)
    return new


def losses(cfg):
    """Return the logged values of each step."""
    lines = [
        json.loads(line) for line in next(Path(cfg.work_dir).glob('*/vis_data/scalars.json')).read_text().splitlines()
    ]
    return [{key: value for key, value in line.items() if 'loss' in key} for line in lines]


@pytest.mark.parametrize('path', configs())
def test_a_config_takes_steps_and_is_evaluated(path, root, tmp_path, monkeypatch, request):
    if 'bm3d' in path:
        pytest.importorskip('bm3d', reason='the extra `baselines` is not installed')
    monkeypatch.setenv('SEMRESTORE_DATA', str(root))
    torch.manual_seed(0)
    cfg, checkpoint = load(path, tmp_path), None
    if 'evaluation' in path:
        assert cfg.test_dataloader
        assert frozen_networks(cfg) or Path(path).stem in (
            'zoo',
            'cc15',
            'altered',
            'held_out',
        )  # which are about PSNR alone
    assert cfg.get('train_cfg') or cfg.get('test_dataloader')
    if cfg.get('train_cfg') and not trains_as_another(cfg):
        # A second step shows what the first leaves behind, and the parts of ``_base_`` that the others share.
        count = 1 if request.node.get_closest_marker('slow') else 2
        shrink(cfg, count)
        assert trains_a_task(cfg) or cfg.model.losses
        train(cfg)
        steps = losses(cfg)
        assert len(steps) == count
        assert all(math.isfinite(value) for step in steps for value in step.values())
        assert {f'loss_{name}' for name in cfg.model.get('losses', ())} <= steps[0].keys()
        checkpoint = str(tmp_path / f'iter_{count}.pth')
    cfg = load(path, tmp_path)
    if cfg.get('test_dataloader') and not trains_a_task(cfg) and is_new(cfg):
        parts = cfg.test_dataloader.dataset.get('datasets', [cfg.test_dataloader.dataset])
        for part in parts:
            part.indices = 1
        cfg.test_dataloader.update(num_workers=0, persistent_workers=False)
        result = evaluate(cfg, checkpoint)
        assert [data['images'] for data in result.data] == [1] * len(parts)
        values = result.metrics
        assert all(value >= -1 for value in values.values())  # an SSIM may be below 0
        assert any(name.endswith('PSNR') and value > 0 for name, value in values.items())

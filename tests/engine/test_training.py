"""``semrestore.train``: where it starts from, and what it leaves behind."""

import json
import signal

import pytest
import torch
from mmengine.model import ImgDataPreprocessor
from torch.utils.data import Subset

import semrestore
from semrestore.cascade import Cascade
from semrestore.config import load_config
from semrestore.datasets import EmbeddedPhotos, StreamDataset, StreamSampler
from semrestore.errors import UserError
from semrestore.weights.read import read_checkpoint
from tests import tiny_data

SMALL = ['model.denoiser.encoder_channels=16', 'model.denoiser.decoder_channels=16', 'train_dataloader.batch_size=1']
SMALL += ['train_dataloader.dataset.dataset.pipeline.1.crop_size=32', 'train_cfg.max_iters=1', 'train_cfg.val_begin=9']
DENOISE = 'configs/embedded/denoise_sigma30.py'


def config(tmp_path, *options, path=DENOISE):
    cfg = load_config(path, [*SMALL, 'log_level=ERROR', *options])
    cfg.work_dir = str(tmp_path / 'run')
    return cfg


def test_bare_weights_start_a_training_with_a_moving_average(tmp_path):
    cfg = config(tmp_path, 'optim_wrapper.optimizer.lr=0.0')
    cfg.custom_hooks = [dict(type='EMAHook')]
    first = semrestore.train(cfg)
    bare = tmp_path / 'bare.pth'
    state = {key: value + 1 if value.is_floating_point() else value for key, value in first.model.state_dict().items()}
    state['denoiser.settings'] = first.model.state_dict()['denoiser.settings']
    torch.save(state, bare)
    cfg = config(tmp_path, f'load_from={bare}', 'optim_wrapper.optimizer.lr=0.0')
    cfg.custom_hooks, cfg.work_dir = [dict(type='EMAHook')], str(tmp_path / 'second')
    semrestore.train(cfg)
    started = read_checkpoint(tmp_path / 'second/iter_1.pth')['state_dict']
    assert torch.equal(started['denoiser.head.weight'], state['denoiser.head.weight'])


def test_a_training_logs_each_batchs_psnr_and_the_images_a_second(tmp_path, monkeypatch):
    restore = Cascade.restore

    def off_by_a_tenth(self, images, generators=None):
        clean, noisy, restored = restore(self, images, generators)
        return clean, noisy, clean + 0.1 + 0 * restored

    monkeypatch.setattr(Cascade, 'restore', off_by_a_tenth)
    semrestore.train(config(tmp_path, 'train_cfg.max_iters=2', 'default_hooks.logger.interval=1'))
    (log,) = tmp_path.glob('run/*/vis_data/scalars.json')
    steps = [line for line in map(json.loads, log.read_text().splitlines()) if 'loss' in line]
    assert [line['step'] for line in steps] == [1, 2]
    for line in steps:
        assert line['batch_PSNR'] == pytest.approx(20, abs=1e-3)  # 10 log10(1 / 0.1 ** 2)
        assert line['images/s'] > 0


def test_resume_without_a_checkpoint_starts_from_the_published_weights(tmp_path):
    cfg = load_config(DENOISE, [*SMALL[2:], 'log_level=ERROR', 'optim_wrapper.optimizer.lr=0.0'])
    cfg.work_dir, cfg.load_from, cfg.resume = str(tmp_path), 'zoo:multiscale-sigma30', True
    runner = semrestore.train(cfg)
    published = semrestore.load_denoiser('multiscale-sigma30')
    assert torch.equal(runner.model.denoiser.head.weight, published.head.weight)


def test_a_task_network_starts_from_weights_of_its_own_alone(tmp_path, monkeypatch):
    tiny_data.write(tmp_path)
    monkeypatch.setenv('SEMRESTORE_DATA', str(tmp_path))
    cfg = load_config('configs/classification/vgg16_tiny_imagenet.py')
    wrong = tmp_path / 'wrong.pth'
    torch.save(dict(state_dict={'backbone.features.0.weight': torch.zeros(1)}), wrong)
    cfg.work_dir, cfg.load_from = str(tmp_path), str(wrong)
    with pytest.raises(UserError, match=r'wrong\.pth'):
        semrestore.train(cfg)


@pytest.mark.parametrize('fails', [False, True])
def test_training_restores_the_signal_handler(tmp_path, fails):
    before = signal.getsignal(signal.SIGTERM)
    cfg = config(tmp_path)
    if fails:
        cfg.model.losses.reconstruction.weight = float('nan')
        with pytest.raises(UserError):
            semrestore.train(cfg)
    else:
        semrestore.train(cfg)
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_cascade_accepts_another_preprocessor(build_cascade):
    cascade = build_cascade(data_preprocessor=dict(type='mmengine.ImgDataPreprocessor'))
    assert isinstance(cascade.data_preprocessor, ImgDataPreprocessor)


def test_a_batch_is_seeded_image_by_image_whatever_is_wrapped():
    """``Subset`` makes a batch in its own way."""
    steps = [dict(type='LoadPhoto'), dict(type='mmpretrain.RandomCrop', crop_size=32)]
    photos = EmbeddedPhotos('val', pipeline=[*steps, dict(type='mmpretrain.PackInputs')])
    batches = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        dataset = StreamDataset(Subset(photos, [0, 1, 2]))
        indices = iter(StreamSampler(dataset, seed=0))
        batch = dataset.__getitems__([next(indices) for _ in range(3)])
        batches.append(torch.stack([item['inputs'] for item in batch]))
    assert torch.equal(*batches)

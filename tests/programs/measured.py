"""A cascade in float64, and a hook that counts what two processes exchange: imported beside a config."""

import json
import os
import time

import torch
from mmcv.transforms import BaseTransform
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from torch.distributed.algorithms.ddp_comm_hooks import default_hooks

from semrestore.cascade import Cascade
from semrestore.denoisers import Denoiser
from semrestore.preprocessor import ImagePreprocessor
from semrestore.registry import HOOKS, MODELS, TRANSFORMS


@MODELS.register_module()
class DoubleCascade(Cascade):
    def __init__(self, **arguments):
        super().__init__(**arguments)
        self.double()
        for network in self.tasks.values():
            assert next(network.parameters()).dtype == torch.float64


@MODELS.register_module()
class WithoutNorm(Denoiser):
    # Batch normalisation would take its statistics from each half alone.
    def __init__(self):
        super().__init__()
        convolutions = [torch.nn.Conv2d(*channels, 3, padding=1) for channels in ((3, 16), (16, 16), (16, 3))]
        self.body = torch.nn.Sequential(
            convolutions[0], torch.nn.ReLU(), convolutions[1], torch.nn.ReLU(), convolutions[2]
        )

    def forward(self, noisy, sigma=None):
        return noisy - self.body(noisy)


@MODELS.register_module()
class DoublePreprocessor(ImagePreprocessor):
    def _convert(self, images):
        return images.double() / 255


@HOOKS.register_module()
class Bytes(Hook):
    """How many bytes of gradients are exchanged a step, and what is wrapped."""

    def before_train(self, runner):
        self.sent = 0
        if is_model_wrapper(runner.model):
            runner.model.register_comm_hook(self, exchange)
            self.wrapped = sum(weight.numel() for weight in runner.model.parameters())
            self.buffers = sum(buffer.numel() for buffer in runner.model.buffers())
            self.broadcast = runner.model.broadcast_buffers

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if os.environ.get('WAIT') and runner.iter == 4:
            open(os.path.join(runner.work_dir, f'waiting{runner.rank}'), 'w').close()
            time.sleep(3)

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        if runner.iter == 0 and runner.rank == 0:
            gradients = {name.removeprefix('module.'): weight.grad for name, weight in runner.model.named_parameters()}
            torch.save(gradients, os.path.join(runner.work_dir, 'gradients.pth'))

    def after_train(self, runner):
        if is_model_wrapper(runner.model):
            result = dict(bytes=self.sent / runner.max_iters, parameters=self.wrapped, buffers=self.buffers)
            with open(os.path.join(runner.work_dir, f'bytes{runner.rank}.json'), 'w') as file:
                json.dump(dict(result, broadcast=self.broadcast), file)


def exchange(counter, bucket):
    counter.sent += bucket.buffer().numel() * bucket.buffer().element_size()
    return default_hooks.allreduce_hook(None, bucket)


@TRANSFORMS.register_module()
class WrongLabel(BaseTransform):
    """A label that no classifier of ImageNet knows."""

    def transform(self, results):
        return {**results, 'gt_label': 5000}

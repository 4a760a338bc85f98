"""The page's metric with LPIPS, with a distance in its place that needs no download."""

import sys
from types import ModuleType

import pytest
import torch
from mmpretrain.structures import DataSample
from torch import nn

from semrestore.registry import METRICS
from tests.repository.test_docs import BLOCK


class Distance(nn.Module):
    """Takes what torchmetrics' LPIPS takes, and refuses what it refuses."""

    def __init__(self, net_type, normalize):
        super().__init__()
        assert (net_type, normalize) == ('alex', True)

    def forward(self, one, other):
        assert one.shape == other.shape == (1, 3, 8, 8)
        assert 0 <= min(one.min(), other.min()) <= max(one.max(), other.max()) <= 1
        return (one - other).abs().mean()


def test_the_metric_of_the_page_is_a_mean_over_images(request, monkeypatch):
    stub = ModuleType('torchmetrics.image.lpip')
    stub.LearnedPerceptualImagePatchSimilarity = Distance
    for name in ('torchmetrics', 'torchmetrics.image'):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setitem(sys.modules, stub.__name__, stub)
    page = (request.config.rootpath / 'docs/evaluation.md').read_text(encoding='utf-8')
    (block,) = (block for block in BLOCK.finditer(page) if block['name'] == 'lpips_metric.py')
    try:
        exec(block['text'], {'__name__': 'lpips_metric'})
        metric = METRICS.build(dict(type='LPIPS'))
    finally:
        METRICS.module_dict.pop('LPIPS', None)
    samples = []
    for level in (0.25, 1.5):  # a restored image may leave 0..1
        sample = DataSample()
        sample.set_field(torch.zeros(3, 8, 8), 'clean')
        sample.set_field(torch.full((3, 8, 8), level), 'restored')
        samples.append(sample.to_dict())
    metric.process({}, samples)
    assert metric.compute_metrics(metric.results) == {'LPIPS': pytest.approx((0.25 + 1) / 2)}

"""Batch normalisation folded into the convolution before it, where that is exact, and only there."""

import torch
from mmengine.config import Config

from semrestore.acceleration import fold_batch_norms
from semrestore.registry import MODELS


@torch.no_grad()
def test_folding_batch_norms_leaves_the_network_what_it_was(photos):
    cfg = Config.fromfile('configs/_base_/tasks/efficientnet_lite0.py').task
    folded, kept = (MODELS.build({**cfg, 'fold_batch_norm': fold}) for fold in (True, False))
    norms = [name for name, module in kept.network.named_modules() if isinstance(module, torch.nn.BatchNorm2d)]
    # EfficientNet-Lite0: stem, head, one block without expansion (2 norms) and 15 with it (3 each).
    assert len(norms) == 2 + 2 + 15 * 3
    assert sorted(folded.folded.values()) == sorted(norms)
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in folded.network.modules())
    # In float64 what is left is the rounding of the folded weights to float32, 2^-24 of each, through 50 layers.
    view = photos['chelsea'][None, :, 30:254, 100:324].double()
    folded, kept = folded.double(), kept.double()
    expected = kept.run(view)
    assert (folded.run(view) - expected).abs().max() < 50 * 2**-24 * expected.abs().max()
    layer = 'model.blocks.2'
    found, features = folded.features(view, [layer])[layer], kept.features(view, [layer])[layer]
    assert (found - features).abs().max() < 50 * 2**-24 * features.abs().max()


class _TwoReaders(torch.nn.Module):
    """A convolution whose output goes to its batch normalisation and past it."""

    def __init__(self):
        super().__init__()
        self.conv, self.bn = torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4)
        self.safe, self.safe_bn = torch.nn.Conv2d(4, 4, 3), torch.nn.BatchNorm2d(4)

    def forward(self, x):
        features = self.conv(x)
        return self.safe_bn(self.safe(features * self.bn(features)))


@torch.no_grad()
def test_a_fold_that_would_change_the_network_is_undone():
    network = _TwoReaders()
    for norm in (network.bn, network.safe_bn):
        norm.running_mean.uniform_(-1, 1)
        norm.running_var.uniform_(0.2, 2)
    network.eval()
    image = torch.rand(1, 3, 16, 16)
    before = network(image)
    assert fold_batch_norms(network, image) == {}
    assert torch.equal(network(image), before)
    assert isinstance(network.bn, torch.nn.BatchNorm2d)


@torch.no_grad()
def test_a_network_whose_output_is_a_dict_is_compared_too():
    class Named(_TwoReaders):
        def forward(self, x):
            return {'out': super().forward(x)}

    network = Named().eval()
    for norm in (network.bn, network.safe_bn):
        norm.running_mean.uniform_(-1, 1)
    assert fold_batch_norms(network, torch.rand(1, 3, 16, 16)) == {}


@torch.no_grad()
def test_a_weight_that_is_computed_anew_is_not_folded():
    convolution = torch.nn.utils.spectral_norm(torch.nn.Conv2d(3, 8, 3))
    network = torch.nn.Sequential(convolution, torch.nn.BatchNorm2d(8)).eval()
    assert fold_batch_norms(network, torch.rand(1, 3, 16, 16)) == {}

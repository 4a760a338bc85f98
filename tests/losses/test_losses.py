"""The terms of the joint loss: the paper's equations, weighted, each reaching the denoiser, on shared passes."""

from types import SimpleNamespace

import pytest
import torch

from semrestore.losses import ReconstructionLoss, Step, TaskLoss
from tests.common import CLASSIFIER, LOSSES, balance, count_passes, train


@pytest.mark.parametrize('name', LOSSES)
def test_each_loss_alone_reaches_the_denoiser(build_cascade, batch, name):
    # zero_tail would stop the gradient at the last convolution on the first step.
    denoiser = dict(type='MultiScaleDenoiser', encoder_channels=16, decoder_channels=16, zero_tail=False)
    cascade = build_cascade(losses={name: LOSSES[name]}, denoiser=denoiser).train()
    losses = cascade(**cascade.data_preprocessor(batch, True), mode='loss')
    assert list(losses) == [f'loss_{name}']
    losses[f'loss_{name}'].backward()
    assert all(
        parameter.grad is not None and parameter.grad.isfinite().all() for parameter in cascade.denoiser.parameters()
    )
    assert cascade.denoiser.head.weight.grad.abs().sum() > 0


def test_the_joint_loss_is_the_weighted_sum_of_its_terms(build_cascade, batch):
    cascade = build_cascade().train()
    data = cascade.data_preprocessor(batch, True)

    def terms(**weights):
        for name, weight in weights.items():
            cascade.losses[name].weight = weight
        torch.manual_seed(1)
        return cascade(**data, mode='loss')

    weighted = terms(reconstruction=1, perceptual=0.5, task=0.25)
    plain = terms(reconstruction=1, perceptual=1, task=1)
    assert weighted['loss_perceptual'].item() == pytest.approx(0.5 * plain['loss_perceptual'].item(), rel=1e-5)
    assert weighted['loss_task'].item() == pytest.approx(0.25 * plain['loss_task'].item(), rel=1e-5)
    total, logged = cascade.parse_losses(weighted)
    assert total.item() == pytest.approx(sum(value.item() for value in weighted.values()), rel=1e-6)
    assert {'loss', 'loss_reconstruction', 'loss_perceptual', 'loss_task'} == set(logged)


def test_terms_are_those_of_the_papers_equations(build_cascade, batch):
    cascade = build_cascade(losses={name: {**loss, 'weight': 1} for name, loss in LOSSES.items()}).train()
    data = cascade.data_preprocessor(batch, True)
    balance(cascade.task, data['inputs'], 1 - data['inputs'])
    torch.manual_seed(1)
    losses = cascade(**data, mode='loss')
    torch.manual_seed(1)
    clean = data['inputs']
    restored = cascade.denoiser(cascade.degradation(clean.contiguous(memory_format=torch.channels_last)).images)
    mean, std = (torch.tensor(CLASSIFIER['data_preprocessor'][key]).view(3, 1, 1) for key in ('mean', 'std'))
    network = cascade.task.network
    scores, features = [], []
    for images in (restored, clean):
        hook = network.backbone.layer2.register_forward_hook(lambda _, __, output: features.append(output))
        scores.append(network((255 * images - mean) / std))
        hook.remove()
    scores = network.head(network.extract_feat((255 * restored - mean) / std))
    labels = torch.tensor([0, 1, 2, 3])
    expected = {
        'loss_reconstruction': ((restored - clean) ** 2).mean(),
        'loss_perceptual': ((features[0] - features[1]) ** 2).mean(),
        'loss_task': torch.nn.functional.cross_entropy(scores, labels),
    }
    for name, value in expected.items():
        assert losses[name].item() == pytest.approx(value.item(), rel=1e-4), name


def test_a_task_loss_is_the_sum_of_the_networks_losses_without_its_accuracy():
    # The names are those of mmseg.
    terms = {'decode.loss_ce': 2.0, 'decode.acc_seg': 50.0, 'aux.loss_ce': 0.5}
    step = SimpleNamespace(task_losses={name: torch.tensor(value) for name, value in terms.items()})
    assert TaskLoss()(step).item() == 2.5


@pytest.mark.parametrize(
    ('supervision', 'terms', 'first', 'deep'),
    [
        # On the clean image, labels let the pass stop behind layer2; self-labels need all of it, and its features are
        # the same pass's.
        ('labels', ('perceptual', 'task'), 2, 1),
        ('self', ('perceptual', 'task'), 2, 2),
        ('labels', ('task',), 1, 1),
        ('labels', ('perceptual',), 2, 0),
        ('self', ('reconstruction',), 0, 0),
    ],
)
def test_losses_share_one_pass_an_image(build_cascade, batch, supervision, terms, first, deep):
    cascade = build_cascade(losses={name: LOSSES[name] for name in terms}, supervision=supervision)
    passes = count_passes(cascade.task.network)
    train(cascade, batch, steps=1)
    assert (passes.count('conv1'), passes.count('layer4')) == (first, deep)


@pytest.mark.parametrize(
    ('distance', 'pixel_range', 'expected'),
    [
        ('mse', 1, 0.01),
        ('mse', 255, 0.01 * 255**2),
        ('l1', 1, 0.1),
        ('l1', 255, 0.1 * 255),
        ('charbonnier', 1, (0.01 + 1e-6) ** 0.5),
        ('charbonnier', 255, (0.01 + 1e-6) ** 0.5 * 255),
    ],
)
def test_distances_by_hand(distance, pixel_range, expected):
    clean = torch.rand(2, 3, 8, 8)
    for difference in (0.1, -0.1):
        step = Step(clean, clean, clean + difference, [])
        assert ReconstructionLoss(distance, pixel_range)(step).item() == pytest.approx(expected, rel=1e-5)


def test_a_charbonnier_distance_is_smooth_at_0():
    clean = torch.rand(2, 3, 8, 8)
    assert ReconstructionLoss('charbonnier')(Step(clean, clean, clean, [])).item() == pytest.approx(1e-3)


def test_the_layers_of_a_perceptual_loss_count_equally(build_cascade, batch):
    layers = ['backbone.layer1', 'backbone.layer3']
    losses = {layer.replace('.', '_'): dict(type='PerceptualLoss', layers=layer) for layer in layers}
    cascade = build_cascade(losses={**losses, 'both': dict(type='PerceptualLoss', layers=layers)})
    clean = cascade.data_preprocessor(batch)['inputs']
    one, other, both = cascade.terms(clean, clean, clean + 0.05, batch['data_samples']).values()
    assert max(one, other) > 2 * min(one, other)
    assert both.item() == pytest.approx((one + other).item() / 2, rel=1e-5)


@pytest.mark.parametrize('pixel_range', [1, 255])
@pytest.mark.parametrize('distance', ['l1', 'mse', 'charbonnier'])
def test_a_balanced_distance_weighs_images_by_their_noise(distance, pixel_range):
    clean = torch.rand(2, 3, 8, 8)
    signs = torch.tensor([1, -1]).repeat(4)
    noisy = clean + signs * torch.tensor([0.02, 0.18]).view(2, 1, 1, 1)
    restored = clean + torch.tensor([0.01, 0.05]).view(2, 1, 1, 1)
    step = Step(clean, noisy, restored, [])
    plain, balanced = (ReconstructionLoss(distance, pixel_range, balance=balance)(step) for balance in (None, 0.02))
    each = [
        ReconstructionLoss(distance, pixel_range)(Step(clean[i : i + 1], noisy[i : i + 1], restored[i : i + 1], []))
        for i in (0, 1)
    ]
    assert plain.item() == pytest.approx((each[0] + each[1]).item() / 2)
    assert balanced.item() == pytest.approx((each[0] / 2 + each[1] / 10).item() / 2, rel=1e-4)
    with pytest.raises(ValueError, match='balance'):
        ReconstructionLoss(balance=0)

"""The contract tests that plugins are offered: our own parts pass, and each broken promise is found and named."""

import pytest
import torch
from mmpretrain.structures import DataSample
from torch import nn

from semrestore.contracts import ContractError
from semrestore.datasets import PhotoFolder
from semrestore.degradations import Degradation, Degraded, GaussianNoise
from semrestore.denoisers import Denoiser, DnCNN, FFDNet, Identity, MultiScaleDenoiser
from semrestore.losses import Loss, PerceptualLoss, ReconstructionLoss, TaskLoss
from semrestore.registry import DATASETS, MODELS
from semrestore.tasks import FrozenTask
from semrestore.testing import check_dataset, check_degradation, check_denoiser, check_loss, check_task
from tests.common import CLASSIFIER


@pytest.mark.parametrize(
    'build',
    [Identity, lambda: MultiScaleDenoiser(encoder_channels=16, decoder_channels=16), lambda: DnCNN(depth=3), FFDNet],
)
def test_our_denoisers_keep_their_contract(build):
    torch.manual_seed(0)
    check_denoiser(build())


def denoiser(forward):
    return type('Broken', (Denoiser,), dict(forward=forward))()


class Drawing(Denoiser):
    def forward(self, noisy, sigma=None):
        return noisy + torch.randn_like(noisy)


class Undeclared(Identity):
    def forward(self, noisy, sigma=None):
        if sigma is None:
            raise ValueError('sigma')
        return noisy


class Unused(Denoiser):
    def __init__(self):
        super().__init__()
        self.used, self.unused = nn.Conv2d(3, 3, 1), nn.Conv2d(3, 3, 1)

    def forward(self, noisy, sigma=None):
        return self.used(noisy)


@pytest.mark.parametrize(
    ('broken', 'message'),
    [
        (
            denoiser(lambda self, noisy, sigma=None: noisy[..., : noisy.shape[-1] // 2 * 2]),
            'shape',
        ),
        (denoiser(lambda self, noisy, sigma=None: [noisy]), 'list'),
        (denoiser(lambda self, noisy, sigma=None: noisy - noisy.mean()), 'batch'),
        (denoiser(lambda self, noisy, sigma=None: noisy.mul_(0.5)), 'in place'),
        (denoiser(lambda self, noisy, sigma=None: noisy / 0), 'not finite'),
        (denoiser(lambda self, noisy, sigma=None: noisy.float()), 'torch.float32'),
        (
            denoiser(lambda self, noisy, sigma=None: noisy * (2 if isinstance(sigma, float) else 1)),
            'sigma',
        ),
        (Undeclared(), 'needs_sigma'),
        (Drawing(), 'image depends'),
        (Unused(), 'unused.weight, unused.bias'),
        (nn.Identity(), 'semrestore.denoisers.Denoiser'),
    ],
)
def test_a_broken_denoiser_is_named(broken, message):
    torch.manual_seed(0)
    with pytest.raises(AssertionError, match=message):
        check_denoiser(broken)


def test_our_noise_keeps_its_contract():
    check_degradation(GaussianNoise((0, 55)))
    check_degradation(GaussianNoise(0), random=False)


def degradation(forward):
    return type('Broken', (Degradation,), dict(forward=forward))()


def batch_noise(self, clean, generators=None):
    noise = torch.randn(clean.shape, generator=generators[0] if generators else None)
    return Degraded(clean + noise, None)


@pytest.mark.parametrize(
    ('broken', 'message'),
    [
        (degradation(lambda self, clean, generators=None: clean), r'\(3, 3, 24, 31\)'),
        (degradation(lambda self, clean, generators=None: (clean, 0.1)), 'sigma'),
        (degradation(lambda self, clean, generators=None: (clean[:, :, 1:], None)), 'shape'),
        (
            degradation(lambda self, clean, generators=None: (clean + torch.randn_like(clean), None)),
            'place',
        ),
        (degradation(batch_noise), 'place'),
        (degradation(lambda self, clean, generators=None: (clean, None)), 'two generators'),
    ],
)
def test_a_broken_degradation_is_named(broken, message):
    with pytest.raises(AssertionError, match=message):
        check_degradation(broken)


@pytest.fixture
def task():
    return MODELS.build(dict(type='OpenMMLabTask', model=CLASSIFIER, checkpoint='random'))


@pytest.fixture
def samples():
    return [DataSample(metainfo=dict(img_path=f'{label}.png')).set_gt_label(label) for label in (2, 5)]


def test_our_adapter_keeps_the_contract_of_a_task(task, samples):
    check_task(task, torch.rand(2, 3, 64, 64), samples, layer='backbone.layer2')


@pytest.mark.parametrize(
    ('method', 'broken', 'message'),
    [
        (
            'loss',
            lambda own, images, samples: own.run(images).mean(),
            'tensor .* dict',
        ),
        (
            'loss',
            lambda own, images, samples: dict(accuracy=own.run(images).mean()),
            "'loss'",
        ),
        ('loss', lambda own, images, samples: dict(loss=own.run(images)), "scalar .*'loss'"),
        (
            'loss',
            lambda own, images, samples: dict(loss=images.sum() * 0),
            'gradient .* zero',
        ),
        (
            'predict',
            lambda own, images, samples: samples[:1],
            'predict.* list of 1.* 2 ',
        ),
        ('predict', lambda own, images, samples: [1, 2], 'predict.* int'),
        ('self_label', lambda own, images, samples: samples, 'self_label.* gt_'),
        ('train', lambda own, mode=True: nn.Module.train(own, mode), 'train\\(\\)'),
        ('__deepcopy__', None, 'copy'),
    ],
)
def test_a_broken_task_is_named(task, samples, method, broken, message):
    parts = {method: broken or (lambda own, memo: type(own).__new__(type(own)))}
    task.__class__ = type('Broken', (type(task),), parts)
    with pytest.raises(AssertionError, match=message):
        check_task(task, torch.rand(2, 3, 64, 64), samples)


def test_a_network_that_thaws_is_named(task, samples):
    next(task.network.parameters()).requires_grad_()
    with pytest.raises(AssertionError, match=r'\.weight'):
        check_task(task, torch.rand(2, 3, 64, 64), samples)


def test_our_losses_keep_their_contract(task, samples):
    for distance in ('mse', 'l1', 'charbonnier'):
        check_loss(ReconstructionLoss(distance))
    check_loss(PerceptualLoss(layers='backbone.layer2'), task)
    check_loss(TaskLoss(), task, samples)


def test_a_broken_loss_is_named():
    broken = type('Broken', (Loss,), dict(forward=lambda self, step: (step.restored - step.clean).abs()))()
    with pytest.raises(AssertionError, match='scalar'):
        check_loss(broken)
    broken = type(
        'Broken',
        (Loss,),
        dict(forward=lambda self, step: (step.restored.detach() - step.clean).abs().mean().requires_grad_()),
    )()
    with pytest.raises(AssertionError, match='restored'):
        check_loss(broken)


def test_data_sets(photo_paths):
    packing = dict(type='mmpretrain.PackInputs', meta_keys=('img_path', 'name'))
    pipeline = [dict(type='semrestore.LoadPhoto'), packing]
    folder = str(next(iter(photo_paths.values())).rsplit('/', 1)[0])
    check_dataset(DATASETS.build(dict(type='EmbeddedPhotos', pipeline=pipeline)))
    broken = PhotoFolder(folder, indices=2, pipeline=pipeline[:1])
    with pytest.raises(AssertionError, match=r'data_samples .* inputs'):
        check_dataset(broken)

    class OneName(PhotoFolder):
        def _name_of(self, path):
            return 'same'

    with pytest.raises(AssertionError, match='unique'):
        check_dataset(OneName(folder, pipeline=pipeline))


@pytest.mark.parametrize(
    ('part', 'broken', 'message'),
    [
        (
            'degradation',
            lambda clean, generators=None: clean,
            r'GaussianNoise\.forward .* Degraded\(images, sigma\)',
        ),
        (
            'denoiser',
            lambda noisy, sigma=None: noisy[:1],
            r'MultiScaleDenoiser\.forward .* shape',
        ),
        (
            'task.loss',
            lambda images, samples: None,
            r'OpenMMLabTask\.loss .* NoneType.* dict',
        ),
        (
            'losses.reconstruction',
            lambda step: step.restored,
            r'ReconstructionLoss\.forward .* scalar',
        ),
    ],
)
def test_training_names_the_contract_that_a_part_breaks(build_cascade, batch, part, broken, message, monkeypatch):
    cascade = build_cascade()
    data = cascade.data_preprocessor(batch, training=True)
    if part == 'task.loss':
        monkeypatch.setattr(cascade.task, 'loss', broken)
    else:
        owner, _, name = f'.{part}'.rpartition('.')
        target = cascade.losses[name] if owner else getattr(cascade, name)
        monkeypatch.setattr(target, 'forward', broken)
    with pytest.raises(ContractError, match=message):
        cascade(**data, mode='loss')


def test_evaluation_names_the_contract_that_a_task_breaks(build_cascade, batch, monkeypatch):
    cascade = build_cascade()
    data = cascade.data_preprocessor(batch)
    monkeypatch.setattr(cascade.task, 'predict', lambda images, samples: FrozenTask)
    with pytest.raises(ContractError, match=r'OpenMMLabTask\.predict.*4'):
        cascade(**data, mode='predict')

"""Restorers of other projects: recognised from a file, restored with, judged, trained jointly and exported."""

import copy
import json

import pytest
import torch

import semrestore
from projects.paper import convert_matconvnet
from semrestore.__main__ import main
from semrestore.degradations import GaussianNoise, image_generator
from semrestore.denoisers import DnCNN, FFDNet, ModuleDenoiser, SpandrelRestorer
from semrestore.errors import UserError
from semrestore.evaluation import psnr, to_8_bit
from semrestore.images import read_photo
from semrestore.registry import MODELS
from semrestore.testing import check_denoiser
from semrestore.weights.export import export_denoiser
from semrestore.weights.read import save_weights
from semrestore.weights.record import denoiser_record
from tests.common import DATA, needs_data, train


def spandrel_network(name, **arguments):
    return getattr(pytest.importorskip(f'spandrel.architectures.{name}'), name)(**arguments)


def extra_network(name, **arguments):
    return getattr(pytest.importorskip(f'spandrel_extra_arches.architectures.{name}'), name)(**arguments)


STAGES = dict(middle_blk_num=1, enc_blk_nums=[1], dec_blk_nums=[1])
WINDOWS = dict(img_size=16, in_chans=3, embed_dim=12, depths=[2], num_heads=[2], window_size=8, upscale=1)
PLAIN = dict(upsampler='', resi_connection='1conv')
NETWORKS = {
    'DnCNN': lambda: spandrel_network('DnCNN', in_nc=3, out_nc=3, nc=16, nb=8, act_mode='R'),
    'DRUNet': lambda: spandrel_network('DRUNet', in_nc=4, out_nc=3, nc=[8, 8, 16, 16], nb=2),
    'NAFNet': lambda: spandrel_network('NAFNet', img_channel=3, width=8, **STAGES),
    'Restormer': lambda: extra_network(
        'Restormer', dim=8, num_blocks=[1] * 4, num_refinement_blocks=1, heads=[1, 2, 4, 8]
    ),
    'SCUNet': lambda: spandrel_network('SCUNet', in_nc=3, config=[1, 0, 0, 1, 0, 0, 1], dim=64),
    'SwinIR': lambda: spandrel_network('SwinIR', **WINDOWS, **PLAIN),
}
MORE = {
    'FBCNN': lambda: spandrel_network('FBCNN', nc=[8, 8, 16, 512], nb=2),
    'FDnCNN': lambda: spandrel_network('DnCNN', in_nc=4, out_nc=3, nc=16, nb=8, act_mode='R', mode='FDnCNN'),
    'FFTformer': lambda: spandrel_network('FFTformer', dim=8, num_blocks=[1] * 3, num_refinement_blocks=1),
    'GRL': lambda: spandrel_network('GRL', depths=[1, 1], num_heads_window=[3, 3], num_heads_stripe=[3, 3]),
    'HVICIDNet': lambda: spandrel_network('HVICIDNet'),
    'KBNet': lambda: pytest.importorskip('spandrel.architectures.KBNet').KBNet_s(img_channel=3, width=8, **STAGES),
    'M3SNet': lambda: extra_network('M3SNet', width=8, middle_blk_num=1, enc_blk_nums=[1] * 4, dec_blk_nums=[1] * 4),
    'MPRNet': lambda: extra_network('MPRNet', n_feat=8, scale_unetfeats=4, scale_orsnetfeats=4, num_cab=2),
    'MixDehazeNet': lambda: spandrel_network('MixDehazeNet', embed_dims=[8, 16, 24, 16, 8], depths=[1] * 5),
    'RetinexFormer': lambda: spandrel_network('RetinexFormer', n_feat=8, stage=1, num_blocks=[1] * 3),
    'SAFMN': lambda: spandrel_network('SAFMN', dim=16, n_blocks=2, upscaling_factor=1),
    'Swin2SR': lambda: spandrel_network('Swin2SR', **WINDOWS, **PLAIN),
    'Uformer': lambda: spandrel_network(
        'Uformer',
        img_size=128,
        embed_dim=16,
        depths=[1] * 9,
        num_heads=[1, 1, 2, 2, 2, 2, 2, 1, 1],
        modulator=True,
    ),
}
WITH_SIGMA = ('DRUNet', 'FDnCNN')
# As the table in docs/other_restorers.md has them. Those that take long are tried by hand, like the failures.
EXPORTED = ['DnCNN', 'FDnCNN', 'NAFNet']
every_network = pytest.mark.parametrize(
    'name', [*NETWORKS, *(pytest.param(name, marks=pytest.mark.slow) for name in MORE)]
)


@pytest.fixture(scope='session')
def published(tmp_path_factory):
    """Save a network with random weights as its authors publish it, and return the file."""
    folder = tmp_path_factory.mktemp('restorers')

    def save(name):
        path = folder / f'{name}.pth'
        if not path.is_file():
            torch.manual_seed(0)
            torch.save(dict(params={**NETWORKS, **MORE}[name]().state_dict()), path)
        return str(path)

    return save


@every_network
def test_a_file_is_enough_to_denoise(published, name):
    denoiser = semrestore.load_denoiser(published(name))
    assert type(denoiser) is SpandrelRestorer
    noisy = torch.rand(2, 3, 37, 53)
    one, other = denoiser(noisy, 0.1), denoiser(noisy, 0.2)
    assert one.shape == noisy.shape
    assert torch.equal(one, other) == (name not in WITH_SIGMA)
    assert denoiser(noisy[:1, :, :1, :5], 0.1).shape == (1, 3, 1, 5)


@every_network
def test_it_trains_jointly_like_our_own(published, build_cascade, batch, name):
    cascade = build_cascade(denoiser=dict(type='SpandrelRestorer', weights=published(name)))
    before, network = copy.deepcopy(cascade.state_dict()), copy.deepcopy(cascade.task.state_dict())
    losses = train(cascade, batch, steps=2)
    assert all(loss['loss'].isfinite() for loss in losses)
    after = cascade.state_dict()
    assert set(after) == {f'denoiser.network.{key}' for key in cascade.denoiser.network.state_dict()}
    changed = [key for key, value in after.items() if not torch.equal(value, before[key])]
    weights = dict(cascade.named_parameters())
    assert {key for key, weight in weights.items() if weight.grad is not None and weight.grad.any()} <= set(changed)
    assert len(changed) > len(weights) / 2
    assert all(torch.equal(value, network[key]) for key, value in cascade.task.state_dict().items())


@pytest.mark.parametrize('name', ['DRUNet', 'SwinIR'])
def test_what_was_trained_is_found_by_its_record(published, build_cascade, batch, tmp_path, name):
    cascade = build_cascade(denoiser=dict(type='SpandrelRestorer', weights=published(name)))
    train(cascade, batch, steps=1)
    path = tmp_path / 'trained.safetensors'
    save_weights(cascade.state_dict(), path, cascade.denoiser_record)
    assert cascade.denoiser_record == dict(denoiser=dict(type='SpandrelRestorer'))
    noisy = torch.rand(1, 3, 40, 40)
    with torch.no_grad():
        expected = cascade.denoiser.eval()(noisy, 0.1)
    assert torch.allclose(semrestore.load_denoiser(path)(noisy, 0.1), expected, atol=1e-5)


@pytest.mark.slow
def test_every_one_stands_in_the_matrix(published, tmp_path):
    config = 'semrestore::embedded/joint_efficientnet_lite0_sigma30.py'
    methods = [f'{name}={published(name)}' for name in [*NETWORKS, *MORE]]
    options = ['model.task.checkpoint=random', 'test_dataloader.dataset.indices=2']
    arguments = ['--tasks', config, '--denoisers', 'noisy', *methods, '--sigma', '30', '--out', str(tmp_path)]
    assert main(['cross-task', *arguments, '--cfg-options', *options]) == 0
    records = json.loads((tmp_path / 'matrix.json').read_text())
    assert {record['method'] for record in records['records']} == {'noisy', *NETWORKS, *MORE}


@pytest.mark.slow
@pytest.mark.parametrize('name', EXPORTED)
def test_it_is_exported(published, tmp_path, name):
    pytest.importorskip('onnxruntime')
    assert export_denoiser(semrestore.load_denoiser(published(name)), tmp_path / 'denoiser.onnx') < 1e-4


def test_another_kind_of_network_is_refused(tmp_path):
    upscaler = spandrel_network('SAFMN', dim=16, n_blocks=2, upscaling_factor=2)
    torch.save(upscaler.state_dict(), tmp_path / 'twice.pth')
    with pytest.raises(UserError, match=r'twice\.pth.*SAFMN.*\b2\b'):
        semrestore.load_denoiser(tmp_path / 'twice.pth')


def test_an_unknown_file_is_refused_with_what_was_tried(tmp_path):
    pytest.importorskip('spandrel')
    torch.save({'some.weight': torch.zeros(3)}, tmp_path / 'unknown.pth')
    with pytest.raises(UserError, match=r'unknown\.pth.*MultiScaleDenoiser.*spandrel'):
        semrestore.load_denoiser(tmp_path / 'unknown.pth')


def test_without_spandrel_the_extra_is_named(monkeypatch, tmp_path):
    monkeypatch.setitem(__import__('sys').modules, 'spandrel', None)
    torch.save({'some.weight': torch.zeros(3)}, tmp_path / 'unknown.pth')
    with pytest.raises(UserError, match=r'semrestore\[spandrel\]'):
        semrestore.load_denoiser(tmp_path / 'unknown.pth')


def kair_state(denoiser):
    """Weights as KAIR, the authors' code, saves them: convolutions alone, ReLU between."""
    convolutions = [layer for layer in denoiser.body if isinstance(layer, torch.nn.Conv2d)]
    norms = [layer for layer in denoiser.body if isinstance(layer, torch.nn.BatchNorm2d)]
    biases = [convolutions[0].bias, *(norm.bias for norm in norms), convolutions[-1].bias]
    state = {}
    for place, (convolution, bias) in enumerate(zip(convolutions, biases, strict=True)):
        state |= {f'model.{2 * place}.weight': convolution.weight.detach(), f'model.{2 * place}.bias': bias.detach()}
    return state


@pytest.mark.parametrize(
    ('own', 'recognised'),
    [(FFDNet(depth=9, channels=16), FFDNet), (DnCNN(depth=9, channels=16), SpandrelRestorer)],
    ids=['FFDNet', 'DnCNN'],
)
def test_the_authors_own_format_is_recognised(tmp_path, own, recognised):
    pytest.importorskip('spandrel')
    for norm in (layer for layer in own.body if isinstance(layer, torch.nn.BatchNorm2d)):
        norm.running_var.fill_(1 - norm.eps)  # folded, as the authors publish them
        torch.nn.init.normal_(norm.bias, std=0.1)
    torch.save(kair_state(own), tmp_path / 'authors.pth')
    denoiser = semrestore.load_denoiser(tmp_path / 'authors.pth')
    assert type(denoiser) is recognised
    noisy = torch.rand(2, 3, 21, 34)
    with torch.no_grad():
        assert torch.allclose(denoiser(noisy, 0.1), own.eval()(noisy, 0.1), atol=1e-5)


@needs_data
@pytest.mark.slow
@pytest.mark.parametrize(
    ('file', 'recognised'), [('color_sigma=25.mat', SpandrelRestorer), ('FFDNet_color.mat', FFDNet)]
)
def test_the_authors_weights_reach_the_psnr_of_our_own_classes(tmp_path, file, recognised):
    pytest.importorskip('spandrel')
    pytest.importorskip('h5py')
    own = convert_matconvnet.convert(convert_matconvnet.read_convolutions(DATA / 'peers' / file), file).eval()
    torch.save(kair_state(own), tmp_path / 'authors.pth')
    denoiser = semrestore.load_denoiser(tmp_path / 'authors.pth')
    assert type(denoiser) is recognised
    clean = torch.from_numpy(read_photo(DATA / 'kodak24/kodim01.png').copy()).permute(2, 0, 1)[None] / 255
    noisy, level = GaussianNoise(25)(clean, [image_generator(0, 'kodim01')])
    with torch.no_grad():
        expected, found = (psnr(to_8_bit(each(noisy, level)), to_8_bit(clean)) for each in (own, denoiser))
    assert found == pytest.approx(expected, abs=1e-3)


def test_the_reach_is_the_networks_receptive_field(published):
    denoiser = semrestore.load_denoiser(published('DnCNN')).double()
    noisy = torch.rand(1, 3, 61, 61, dtype=torch.float64)
    other = noisy.clone()
    other[..., 30, 30] += 0.5
    rows = (denoiser(noisy) != denoiser(other)).any(1)[0].any(1).nonzero().flatten()
    assert (rows.min(), rows.max()) == (30 - denoiser.reach, 30 + denoiser.reach)


class Blur(torch.nn.Module):
    """A module that needs the noise level and sides that are multiples of 4."""

    def __init__(self, channels):
        super().__init__()
        self.convolution = torch.nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, noisy, sigma):
        assert sigma.shape == (len(noisy),)
        assert noisy.shape[-1] % 4 == noisy.shape[-2] % 4 == 0
        return self.convolution(noisy) * sigma.view(-1, 1, 1, 1)


def test_any_module_is_a_denoiser(build_cascade, batch):
    config = dict(type='ModuleDenoiser', module=f'{__name__}.Blur', arguments=dict(channels=3), multiple_of=4)
    denoiser = MODELS.build(config)
    check_denoiser(denoiser)
    with pytest.raises(ValueError, match=r'Blur.*sigma'):
        denoiser(torch.rand(1, 3, 8, 8))
    train(build_cascade(denoiser=config), batch, steps=1)


@pytest.mark.parametrize('module', ['nowhere.Denoiser', 'torch.nn.Nothing', 'torch.zeros', 'torch.nn.Conv2d'])
def test_an_invalid_module_is_named(module):
    with pytest.raises(UserError, match=module):
        ModuleDenoiser(module)


def test_a_file_cannot_import_a_module(tmp_path):
    config = dict(type='ModuleDenoiser', module='torch.nn.Conv2d', arguments=dict(in_channels=3, out_channels=3))
    save_weights({'denoiser.network.weight': torch.zeros(3, 3, 1, 1)}, tmp_path / 'a.pth', denoiser_record(config))
    with pytest.raises(UserError, match=r'ModuleDenoiser.*CONFIG'):
        semrestore.load_denoiser(tmp_path / 'a.pth')


def test_a_file_cannot_name_another_file(tmp_path):
    record = dict(denoiser=dict(type='SpandrelRestorer', weights='/etc/passwd'))
    save_weights({'a': torch.zeros(3)}, tmp_path / 'a.pth', record)
    with pytest.raises(UserError, match="'weights'"):
        semrestore.load_denoiser(tmp_path / 'a.pth')


def test_deepinvs_denoisers_are_ours_and_ours_are_deepinvs():
    deepinv = pytest.importorskip('deepinv')
    theirs = deepinv.models.DnCNN(depth=5, nf=8, pretrained=None)
    arguments = dict(depth=5, nf=8, pretrained=None)
    denoiser = ModuleDenoiser('deepinv.models.DnCNN', arguments)
    denoiser.network.load_state_dict(theirs.state_dict())
    noisy = torch.rand(2, 3, 21, 34)
    assert torch.equal(denoiser(noisy, 0.1), theirs(noisy, 0.1))
    # A step of plug-and-play: deepinv calls the denoiser with the images and the noise level.
    ours = semrestore.load_denoiser(FFDNet(depth=3, channels=8))
    prior = deepinv.optim.prior.PnP(denoiser=ours)
    assert torch.equal(prior.prox(noisy, sigma_denoiser=0.1), ours(noisy, 0.1))

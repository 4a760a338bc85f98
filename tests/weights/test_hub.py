"""A denoiser goes to a folder or to a hub and comes back the same; a hub on this machine stands in for the real one."""

import base64
import gc
import json
import threading
import weakref
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import torch
from huggingface_hub import constants
from safetensors.torch import load_file, save_file

import semrestore
from semrestore.acceleration import InferenceDenoiser
from semrestore.denoisers import DnCNN, ModuleDenoiser, MultiScaleDenoiser, SpandrelRestorer, Wavelet
from semrestore.errors import UserError

SMALL = dict(num_scales=2, encoder_channels=16, decoder_channels=16)


@pytest.fixture
def denoiser():
    torch.manual_seed(0)
    built = MultiScaleDenoiser(**SMALL, zero_tail=False)
    return built.eval()


@pytest.fixture
def noisy():
    return torch.rand(2, 3, 13, 17, generator=torch.Generator().manual_seed(0))


@torch.inference_mode()
def alike(one, other, noisy):
    return one(noisy).equal(other(noisy)) and not one(noisy).equal(noisy)


def test_a_denoiser_comes_back_from_a_folder(denoiser, noisy, tmp_path):
    denoiser.save_pretrained(tmp_path / 'mine')
    for kind in (semrestore.Denoiser, MultiScaleDenoiser):
        back = kind.from_pretrained(tmp_path / 'mine')
        assert alike(denoiser, back, noisy)
        assert not back.training
    assert alike(denoiser, semrestore.load_denoiser(tmp_path / 'mine/model.safetensors'), noisy)
    with pytest.raises(UserError, match='DnCNN'):
        DnCNN.from_pretrained(tmp_path / 'mine')


def test_published_weights_need_no_network_and_keep_how_they_were_made(tmp_path, noisy):
    first = semrestore.Denoiser.from_pretrained('multiscale-blind')
    first.save_pretrained(tmp_path)
    back = semrestore.Denoiser.from_pretrained(tmp_path)
    assert alike(first, back, noisy)
    assert back.made['name'] == 'multiscale-blind'
    card = (tmp_path / 'README.md').read_text(encoding='utf-8')
    for part in ('license: apache-2.0', 'multiscale-blind', 'bsds432', 'CBSD68'):
        assert part in card


def zeroed(denoiser):
    for part in denoiser.parameters():
        part.data.zero_()


def of_another_network(denoiser):
    denoiser.load_state_dict(semrestore.load_denoiser('recognition-blind').state_dict())


def trained_on_and_frozen(denoiser):
    denoiser.requires_grad_(True)
    optimizer = torch.optim.SGD(denoiser.parameters(), 1e-3)
    denoiser(torch.rand(1, 3, 8, 8)).square().mean().backward()
    optimizer.step()
    denoiser.requires_grad_(False)


@pytest.mark.parametrize('change', [zeroed, of_another_network, trained_on_and_frozen])
def test_a_card_claims_nothing_of_other_weights(change, tmp_path):
    denoiser = semrestore.Denoiser.from_pretrained('multiscale-blind')
    denoiser.save_pretrained(tmp_path)
    change(denoiser)
    denoiser.save_pretrained(tmp_path)
    card = (tmp_path / 'README.md').read_text(encoding='utf-8')
    for claim in ('multiscale-blind', 'bsds432', 'CBSD68', 'apache'):
        assert claim not in card
    assert not {'name', 'data'} & set(semrestore.Denoiser.from_pretrained(tmp_path).made)


def test_weights_that_do_not_fit_are_refused(denoiser, tmp_path):
    denoiser.save_pretrained(tmp_path)
    file = tmp_path / 'model.safetensors'
    state = load_file(file)
    record = json.loads((tmp_path / 'config.json').read_text())
    state.pop(next(iter(state)))
    save_file(state, file, dict(semrestore=json.dumps(dict(denoiser=record))))
    with pytest.raises(UserError, match=r'model\.safetensors'):
        semrestore.Denoiser.from_pretrained(tmp_path)
    with pytest.raises(UserError, match='no such folder'):
        semrestore.Denoiser.from_pretrained(tmp_path / 'no such folder')


class Unregistered(DnCNN):
    pass


@pytest.mark.parametrize(
    'built',
    [
        lambda: ModuleDenoiser('torch.nn.Conv2d', dict(in_channels=3, out_channels=3, kernel_size=1)),
        Wavelet,
        lambda: Unregistered(depth=3, channels=8),
        lambda: InferenceDenoiser(DnCNN(depth=3, channels=8)),
    ],
)
def test_what_could_not_be_loaded_is_not_saved(built, tmp_path, hub):
    denoiser = built()
    with pytest.raises(UserError, match=type(denoiser).__name__):
        denoiser.save_pretrained(tmp_path / 'mine')
    with pytest.raises(UserError, match=type(denoiser).__name__):
        denoiser.push_to_hub('somebody/denoiser', token='hf_none')
    assert not list(tmp_path.iterdir())
    assert not hub


def test_a_card_claims_no_licence_of_others_weights_and_shows_no_path(tmp_path):
    architecture = pytest.importorskip('spandrel.architectures.DnCNN', reason='the extra `spandrel` is not installed')
    network = architecture.DnCNN(in_nc=3, out_nc=3, nc=16, nb=8, act_mode='R')
    save_file(network.state_dict(), tmp_path / 'theirs.safetensors')
    SpandrelRestorer(str(tmp_path / 'theirs.safetensors')).save_pretrained(tmp_path / 'mine')
    card = (tmp_path / 'mine/README.md').read_text(encoding='utf-8')
    assert 'SpandrelRestorer' in card
    assert 'licen' not in card.lower()
    for file in (tmp_path / 'mine').iterdir():
        assert str(tmp_path).encode() not in file.read_bytes()
    assert isinstance(semrestore.Denoiser.from_pretrained(tmp_path / 'mine'), SpandrelRestorer)


def test_no_option_is_ignored(denoiser, tmp_path):
    denoiser.save_pretrained(tmp_path)
    with pytest.raises(TypeError, match='nonsense'):
        semrestore.Denoiser.from_pretrained(tmp_path, nonsense=3)
    with pytest.raises(UserError, match='revision'):
        semrestore.Denoiser.from_pretrained('multiscale-blind', revision='v2')


def test_arguments_by_position_are_recorded_too(tmp_path):
    DnCNN(3, channels=8).save_pretrained(tmp_path / 'mine')
    config = json.loads((tmp_path / 'mine/config.json').read_text())
    assert (config['type'], config['depth'], config['channels']) == ('DnCNN', 3, 8)
    assert sum(1 for _ in DnCNN.from_pretrained(tmp_path / 'mine').parameters()) == sum(
        1 for _ in DnCNN(depth=3, channels=8).parameters()
    )
    assert "from_pretrained('mine')" in (tmp_path / 'mine/README.md').read_text(encoding='utf-8')


def test_the_record_of_arguments_keeps_no_network_alive():
    inner = DnCNN(depth=3, channels=8)
    alive, outer = weakref.ref(inner), InferenceDenoiser(inner)
    del inner
    gc.collect()
    assert alive() is None
    assert outer(torch.rand(1, 3, 8, 8)).shape == (1, 3, 8, 8)


def test_a_folder_is_taken_before_a_published_name(denoiser, noisy, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    denoiser.save_pretrained('multiscale-blind')
    assert alike(denoiser, semrestore.Denoiser.from_pretrained('multiscale-blind'), noisy)


class Hub(BaseHTTPRequestHandler):
    files: dict[str, bytes]

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        name = self.path.rpartition('/')[2]
        known = self.path.startswith('/somebody/denoiser/resolve/main/') and name in self.files
        self.send_response(200 if known else 404)
        body = self.files[name] if known else b''
        self.send_header('Content-Length', str(len(body)))
        self.send_header('ETag', f'"{hash(body) & 0xFFFFFFFF:x}"')
        self.send_header('X-Repo-Commit', '0' * 40)
        if not known:
            self.send_header('X-Error-Code', 'EntryNotFound')
        self.end_headers()
        if self.command == 'GET':
            self.wfile.write(body)

    def do_POST(self):
        body = self.rfile.read(int(self.headers['Content-Length']))
        answer = {}
        if self.path == '/api/repos/create':
            answer = dict(url=f'http://{self.headers["Host"]}/somebody/denoiser')
        elif '/preupload/' in self.path:
            paths = [file['path'] for file in json.loads(body)['files']]
            answer = dict(files=[dict(path=path, uploadMode='regular', shouldIgnore=False) for path in paths])
        elif '/commit/' in self.path:
            for line in map(json.loads, body.splitlines()):
                if line['key'] == 'file':
                    self.files[line['value']['path']] = base64.b64decode(line['value']['content'])
            answer = dict(commitUrl=f'http://{self.headers["Host"]}/somebody/denoiser/commit/0', commitOid='0' * 40)
        text = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header('Content-Type', 'application/json')
        self.send_header('Content-Length', str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


@pytest.fixture
def hub(monkeypatch, tmp_path):
    handler = type('Handler', (Hub,), dict(files={}))
    server = ThreadingHTTPServer(('127.0.0.1', 0), handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    url = f'http://127.0.0.1:{server.server_port}'
    template = constants.HUGGINGFACE_CO_URL_TEMPLATE.replace(constants.ENDPOINT, url)
    monkeypatch.setattr(constants, 'HUGGINGFACE_CO_URL_TEMPLATE', template)
    monkeypatch.setattr(constants, 'ENDPOINT', url)
    monkeypatch.setattr(constants, 'HF_HUB_OFFLINE', False)
    monkeypatch.setattr(constants, 'HF_HUB_CACHE', str(tmp_path / 'cache'))
    yield handler.files
    server.shutdown()


def test_a_denoiser_goes_to_the_hub_and_comes_back(denoiser, noisy, hub, tmp_path):
    denoiser.push_to_hub('somebody/denoiser', token='hf_none')
    assert {'model.safetensors', 'config.json', 'README.md'} <= set(hub)
    assert "from_pretrained('somebody/denoiser')" in hub['README.md'].decode()
    assert alike(denoiser, semrestore.Denoiser.from_pretrained('somebody/denoiser', token=False), noisy)
    with pytest.raises(UserError, match='somebody/other'):
        semrestore.Denoiser.from_pretrained('somebody/other', token=False)

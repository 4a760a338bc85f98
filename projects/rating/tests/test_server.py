"""The raters' page: no answer is lost, doubled or given to another method."""

import json
import socket
import urllib.error
import urllib.request
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from projects.rating import __main__ as mos
from projects.rating.store import Store
from projects.rating.tests.conftest import METHODS
from semrestore.cli.run import run
from semrestore.images import read_photo

pytest.importorskip('fastapi', reason="the extra `rating` is not installed: pip install 'semrestore[rating]'")


def test_a_rater_ranks_and_comes_back(client, study):
    rater = client.post('/api/raters').json()['rater']
    items = client.get(f'/api/raters/{rater}').json()['items']
    assert items == [[None] * 4] * 3
    assert client.put(f'/api/raters/{rater}/items/0', json=dict(scores=[4, None, None, 1])).status_code == 200
    assert client.get(f'/api/raters/{rater}').json()['items'][0] == [4, None, None, 1]
    assert study[1].ratings() == [], 'a part of a ranking counts for nothing yet'
    client.put(f'/api/raters/{rater}/items/0', json=dict(scores=[4, 2, 3, 1]))
    client.put(f'/api/raters/{rater}/items/0', json=dict(scores=[4, 3, 2, 1]))  # a change of mind
    ratings = Store(study[1].path).ratings()  # as another process reads it
    assert len(ratings) == 4
    shown = study[1].items(rater)[0]
    assert {row['method']: row['score'] for row in ratings} == dict(zip(shown.methods, [4, 3, 2, 1], strict=True))


def test_the_score_goes_to_the_method_that_was_shown(client, study, folders):
    rater = client.post('/api/raters').json()['rater']
    for position, item in enumerate(study[1].items(rater)):
        for place, method in enumerate(item.methods):
            answer = client.get(f'/api/raters/{rater}/items/{position}/{place}.png')
            (folders / 'shown.png').write_bytes(answer.content)
            expected = np.array(Image.open(folders / method / f'{item.image}.png'))
            assert np.array_equal(np.array(Image.open(folders / 'shown.png')), expected)
            assert method.encode() not in answer.content
            assert not any(method in value for value in answer.headers.values())


def test_images_and_places_are_drawn_anew_for_each_rater(study):
    store = study[1]
    first = Counter()
    orders = set()
    for _ in range(60):
        items = store.items(store.add_rater())
        assert sorted(item.image for item in items) == ['0', '1', 'below/2']
        orders.add(tuple(item.image for item in items))
        first.update(item.methods[0] for item in items)
    assert len(orders) == 6
    # 180 draws of four: each is 45 on average, with a standard deviation of 5.8.
    assert all(20 < first[method] < 70 for method in METHODS)


@pytest.mark.parametrize(
    'answer',
    [
        dict(scores=[1, 1, 2, 3]),
        dict(scores=[1, 2, 3]),
        dict(scores=[1, 2, 3, 5]),
        dict(scores=[0, 1, 2, 3]),
        dict(scores=[1.5, 2, 3, 4]),
        dict(scores=['1', 2, 3, 4]),
        dict(scores=[True, 2, 3, 4]),
        dict(scores='4321'),
        dict(scores=[4, 3, 2, 1], rater='me'),
        [],
        None,
    ],
)
def test_an_invalid_ranking_is_refused(client, study, answer):
    rater = client.post('/api/raters').json()['rater']
    assert client.put(f'/api/raters/{rater}/items/0', json=answer).status_code == 422
    assert client.put(f'/api/raters/{rater}/items/0', content=b'\xff{').status_code == 422
    assert client.get(f'/api/raters/{rater}').json()['items'] == [[None] * 4] * 3


def test_images_that_raters_ask_for_again_are_kept_within_a_number_of_bytes(study, monkeypatch):
    folders, _ = study
    every = [(method, name) for method in METHODS for name in folders.names]
    sizes = {one: len(folders.png(*one)) for one in every}
    held = max(sizes.values()) * 2
    monkeypatch.setattr('projects.rating.images.RECENT_BYTES', held)
    read = []
    monkeypatch.setattr('projects.rating.images.read_photo', lambda path: read.append(path) or read_photo(path))
    for one in every:
        for _ in range(2):
            assert len(folders.png(*one)) == sizes[one]
    assert 9 <= len(read) <= 12  # all but what was there before, and each once
    kept = 0
    for one in reversed(every):
        before = len(read)
        folders.png(*one)
        kept += sizes[one] * (len(read) == before)  # it was not read again
    assert 0 < kept <= held
    monkeypatch.setattr('projects.rating.images.RECENT_BYTES', 0)
    assert len(folders.png(*every[0])) == sizes[every[0]]


def test_a_missing_page_is_not_found(client):
    rater = client.post('/api/raters').json()['rater']
    good = dict(scores=[1, 2, 3, 4])
    for path in (
        '/api/raters/nobody',
        f'/api/raters/{rater}/items/0/4.png',
        f'/api/raters/{rater}/items/3/0.png',
        '/docs',
        '/openapi.json',
    ):
        assert client.get(path).status_code == 404, path
    for path in (
        f'/api/raters/{rater}/items/0/-1.png',
        f'/api/raters/{rater}/items/0/..%2f..%2fsetup.py',
        f'/api/raters/{rater}/items/-1/0.png',
    ):
        assert client.get(path).status_code in (404, 422), path
    for path in ('/api/raters/nobody/items/0', f'/api/raters/{rater}/items/99', f'/api/raters/{rater}/items/-1'):
        assert client.put(path, json=good).status_code == 404, path


def test_hundreds_of_answers_in_a_burst_are_all_stored_once(serving, folders):
    _, address = serving()

    def ask(path, method, body=None):
        data = body and json.dumps(body).encode()
        request = urllib.request.Request(
            f'{address}api/raters{path}', data, {'Content-Type': 'application/json'}, method=method
        )
        return json.load(urllib.request.urlopen(request, timeout=60))

    draws = np.random.default_rng(0)
    with ThreadPoolExecutor(16) as pool:
        raters = [answer['rater'] for answer in pool.map(lambda _: ask('', 'POST'), range(100))]
        sent = {(rater, position): (draws.permutation(4) + 1).tolist() for rater in raters for position in range(3)}
        assert len(sent) == 300
        list(pool.map(lambda one: ask(f'/{one[0]}/items/{one[1]}', 'PUT', dict(scores=sent[one])), sent))
    store = Store(folders / 'mos.sqlite')
    assert len(store.ratings()) == 300 * 4
    assert {
        (rater, position): item.scores for rater in raters for position, item in enumerate(store.items(rater))
    } == sent


def test_a_killed_server_loses_nothing_and_goes_on(serving, folders):
    process, address = serving()
    port = int(address.rstrip('/').rsplit(':', 1)[1])
    rater = json.load(urllib.request.urlopen(urllib.request.Request(f'{address}api/raters', method='POST')))['rater']
    body = json.dumps(dict(scores=[2, 1, 4, None])).encode()
    urllib.request.urlopen(
        urllib.request.Request(
            f'{address}api/raters/{rater}/items/1', body, {'Content-Type': 'application/json'}, method='PUT'
        )
    )
    process.kill()
    process.wait()
    _, again = serving(port)
    assert again == address
    assert json.load(urllib.request.urlopen(f'{address}api/raters/{rater}'))['items'][1] == [2, 1, 4, None]


def test_folders_that_cannot_be_compared_are_named(folders, capsys):
    def serve(*arguments, methods=METHODS):
        command = [
            'serve',
            '--db',
            str(folders / 'x.sqlite'),
            '--methods',
            *(f'{name}={folders / name}' for name in methods),
            *arguments,
        ]
        assert run(mos.main, command) == 2
        assert not (folders / 'x.sqlite').exists()
        return capsys.readouterr().err

    assert '--images' in serve('--images', '4')
    assert '--methods' in serve(methods=METHODS[:1])
    assert "folder '" in serve(methods=('first', 'nowhere'))
    with socket.socket() as taken:
        taken.bind(('127.0.0.1', 0))
        taken.listen()
        assert '--port' in serve('--images', '3', '--port', str(taken.getsockname()[1]))
    Image.new('RGB', (9, 9)).save(folders / 'second/0.png')
    assert '9 x 9' in serve()
    (folders / 'second/0.png').write_bytes((folders / 'first/0.png').read_bytes()[:100])
    assert 'second/0.png' in serve()
    (folders / 'second/0.png').unlink()
    assert "'second'" in serve()
    (folders / 'empty').mkdir()
    assert 'empty' in serve(methods=('first', 'empty'))
    assert run(mos.main, ['serve', '--methods', 'a', '--images', '1']) == 2
    assert "'a'" in capsys.readouterr().err
    assert run(mos.main, ['report', str(folders / 'nowhere.sqlite'), '--out', str(folders)]) == 2
    assert 'nowhere.sqlite' in capsys.readouterr().err

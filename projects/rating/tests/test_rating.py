"""Mean opinion scores: no answer lost or doubled; the report against published figures; a browser."""

import contextlib
import json
import re
import shutil
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from projects.rating import __main__ as mos
from projects.rating.images import MethodFolders
from projects.rating.report import krippendorff_alpha, table
from projects.rating.store import Store
from semrestore.cli.run import run
from semrestore.errors import UserError
from semrestore.images import read_photo

pytest.importorskip('fastapi', reason="the extra `mos` is not installed: pip install 'semrestore[rating]'")
METHODS = ('first', 'second', 'third', 'fourth')


@pytest.fixture
def folders(tmp_path, photos):
    """Three crops, darker from method to method: the pixels tell the methods apart."""
    crops = [photos['coffee'][:, y : y + 40, 200:260] for y in (50, 100, 150)]
    for index, method in enumerate(METHODS):
        (tmp_path / method / 'below').mkdir(parents=True)
        for number, crop in enumerate(crops):
            array = (crop * 255 / (index + 1)).byte().permute(1, 2, 0).numpy()
            Image.fromarray(array).save(tmp_path / method / ('below' if number == 2 else '') / f'{number}.png')
    return tmp_path


@pytest.fixture
def study(folders):
    images = MethodFolders({method: folders / method for method in METHODS})
    return images, Store(folders / 'mos.sqlite', images.methods, images.names, 3)


@pytest.fixture
def client(study):
    from fastapi.testclient import TestClient

    from projects.rating.server import build

    return TestClient(build(*study))


@pytest.fixture
def serving(folders):
    """A server as a user starts it, and how to start another one on the same file."""
    processes = []

    def start(port=0):
        command = [
            sys.executable,
            '-m',
            'projects.rating',
            'serve',
            '--images',
            '3',
            '--db',
            folders / 'mos.sqlite',
            '--port',
            str(port),
        ]
        process = subprocess.Popen(
            [*command, '--methods', *(f'{method}={folders / method}' for method in METHODS)],
            stdout=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        return process, process.stdout.readline().split()[0]

    yield start
    for process in processes:
        process.kill()
        process.wait()


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
def test_what_is_no_ranking_is_refused(client, study, answer):
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
            assert sum(map(len, folders._recent.values())) <= held
    assert 9 <= len(read) <= 12  # all but what was there before, and each once
    monkeypatch.setattr('projects.rating.images.RECENT_BYTES', 0)
    assert len(folders.png(*every[0])) == sizes[every[0]]


def test_what_is_not_there_is_not_found(client):
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


# Krippendorff (2011), section C: four observers, twelve units, missing data; published alphas: nominal .743, ordinal
# .815, interval .849.
PUBLISHED = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3],
    [None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None],
]


def test_agreement_is_the_published_one():
    ratings = [
        dict(rater=str(rater), image=str(unit), method='m', score=score)
        for rater, scores in enumerate(PUBLISHED)
        for unit, score in enumerate(scores)
        if score is not None
    ]
    assert krippendorff_alpha(ratings) == pytest.approx(0.849, abs=0.0005)
    assert krippendorff_alpha(ratings[:1]) is None


def test_the_table_has_means_variances_and_intervals_over_raters():
    scores = {'a': [[4, 4], [4, 3], [3, 4]], 'b': [[1, 2], [2, 1], [1, 1]]}
    ratings = [
        dict(rater=str(rater), image=str(image), method=method, score=score)
        for method, by_rater in scores.items()
        for rater, own in enumerate(by_rater)
        for image, score in enumerate(own)
    ]
    first, second = table(ratings, ['a', 'b'])
    assert (first['mean'], second['mean']) == (pytest.approx(22 / 6), pytest.approx(8 / 6))
    assert first['variance'] == pytest.approx(np.var([4, 4, 4, 3, 3, 4], ddof=1))
    # Each rater's mean is 4, 3.5 and 3.5: the bootstrap's means lie between those.
    assert (first['low'], first['high']) == (3.5, 4.0)
    assert first['ratings'] == 6
    assert table(ratings[:2], ['a'])[0]['low'] is None


def test_the_report_writes_table_plot_and_rows(study, folders, capsys):
    store = study[1]
    assert run(mos.main, ['report', str(store.path), '--out', str(folders / 'report')]) == 2
    assert str(store.path) in capsys.readouterr().err
    for _ in range(4):
        rater = store.add_rater()
        for item in store.items(rater):
            store.answer(rater, item.position, [4 - METHODS.index(method) for method in item.methods])
    assert run(mos.main, ['report', str(store.path), '--out', str(folders / 'report')]) == 0
    document = json.loads((folders / 'report/mos.json').read_text())
    assert [(row['method'], row['mean'], row['low'], row['variance']) for row in document['methods']] == [
        (method, 4 - index, 4 - index, 0) for index, method in enumerate(METHODS)
    ]
    assert document['krippendorff_alpha'] == 1
    assert len((folders / 'report/ratings.csv').read_text().splitlines()) == 1 + 4 * 3 * 4
    assert Image.open(folders / 'report/mos.png').width > 500
    assert '| first | 4.00 |' in capsys.readouterr().out


def test_what_cannot_be_compared_is_named(folders, capsys):
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


def test_another_studys_file_is_not_touched(study, folders):
    with pytest.raises(UserError, match=re.escape(str(study[1].path))):
        Store(study[1].path, ['first', 'second'], study[0].names, 3)
    Store(study[1].path, METHODS[::-1], study[0].names, 3)  # their order on the command line is no matter
    (folders / 'text.sqlite').write_text('no database, but something of the user')
    with pytest.raises(UserError, match=r'text\.sqlite'):
        Store(folders / 'text.sqlite', METHODS, ['0'], 1)
    assert (folders / 'text.sqlite').read_text() == 'no database, but something of the user'
    with sqlite3.connect(study[1].path) as connection:
        connection.execute('UPDATE study SET version = 2')
    with pytest.raises(UserError, match='version 2'):
        Store(study[1].path)


@pytest.fixture
def browser():
    playwright = pytest.importorskip(
        'playwright.sync_api', reason='playwright is not installed: pip install playwright'
    )
    chromium = shutil.which('chromium') or shutil.which('chromium-browser') or shutil.which('google-chrome')
    if not chromium:
        pytest.skip('there is no chromium: apt-get install chromium')
    with playwright.sync_playwright() as started:
        flags = [
            '--no-sandbox',
            '--disable-gpu',
            '--no-first-run',
            '--disable-background-networking',
            '--disable-component-update',
            '--disable-sync',
        ]
        running = started.chromium.launch(executable_path=chromium, args=flags)
        yield running
        running.close()


def settled(store, rater, position, scores):
    """Wait until the file has these scores."""
    for _ in range(600):
        if store.items(rater)[position].scores == scores:
            return
        time.sleep(0.05)
    pytest.fail(f'the file has {store.items(rater)[position].scores}')


def test_a_rater_in_a_browser_by_keyboard_and_by_mouse(serving, folders, browser):
    process, address = serving()
    page = browser.new_page(viewport=dict(width=1200, height=800))
    problems = []
    page.on('pageerror', lambda error: problems.append(str(error)))
    page.goto(address)
    page.get_by_role('button', name='Begin').click()
    page.get_by_role('heading', name='Photo 1 of 3').wait_for()
    rater = page.url.rsplit('#', 1)[1]
    store = Store(folders / 'mos.sqlite')
    assert page.locator('#images img').count() == 4
    page.wait_for_function(
        "[...document.querySelectorAll('#images img')].every(img => img.complete && img.naturalWidth === 60)"
    )

    for key in ('c', '4', '1', '2', '3'):  # C is the best, then A, B and D
        page.keyboard.press(key)
    settled(store, rater, 0, [1, 2, 4, 3])
    page.keyboard.press('Enter')
    page.get_by_role('heading', name='Photo 2 of 3').wait_for()

    page.get_by_role('radio', name='4 for image A').click()
    page.get_by_role('radio', name='4 for image B').click()  # A gives it up
    settled(store, rater, 1, [None, 4, None, None])
    assert page.get_by_role('button', name='Next').is_disabled()

    # The browser dies in the middle of a ranking; the rater comes back by the address.
    page.close()
    phone = browser.new_page(viewport=dict(width=390, height=800))
    phone.on('pageerror', lambda error: problems.append(str(error)))
    phone.goto(f'{address}#{rater}')
    phone.get_by_role('heading', name='Photo 2 of 3').wait_for()
    assert phone.get_by_role('radio', name='4 for image B').get_attribute('aria-checked') == 'true'
    assert phone.evaluate('document.documentElement.scrollWidth <= innerWidth'), 'nothing to scroll sideways on a phone'
    boxes = [button.bounding_box() for button in phone.get_by_role('radio').all()]
    assert min(min(box['width'], box['height']) for box in boxes) >= 44, 'large enough for a finger'

    # The server dies; what is clicked meanwhile arrives when it is back.
    port = int(address.rstrip('/').rsplit(':', 1)[1])
    process.kill()
    process.wait()
    phone.get_by_role('radio', name='3 for image A').click()
    phone.get_by_text('The server does not answer; trying again').wait_for()
    threading.Thread(target=serving, args=(port,)).start()
    settled(store, rater, 1, [3, 4, None, None])
    phone.get_by_role('radio', name='2 for image C').click()
    phone.get_by_role('radio', name='1 for image D').click()
    settled(store, rater, 1, [3, 4, 2, 1])
    phone.get_by_role('button', name='Next').click()
    phone.get_by_role('heading', name='Photo 3 of 3').wait_for()
    for key in '4321':
        phone.keyboard.press(key)
    phone.get_by_role('button', name='Next').click()
    phone.get_by_role('heading', name='That was all').wait_for()
    assert len(store.ratings()) == 12
    assert problems == []


def test_a_stranger_in_a_browser_begins_anew(serving, browser):
    _, address = serving()
    page = browser.new_page()
    page.goto(f'{address}#nobody')
    page.get_by_role('button', name='Begin').wait_for()
    with pytest.raises(urllib.error.HTTPError, match='404'):
        urllib.request.urlopen(f'{address}api/raters/nobody')


def test_somebody_elses_database_is_left_as_it_is(tmp_path, capsys):
    with contextlib.closing(sqlite3.connect(tmp_path / 'other.sqlite')) as connection:
        connection.execute('CREATE TABLE x (y)')
        connection.commit()
    before = (tmp_path / 'other.sqlite').read_bytes()
    assert run(mos.main, ['report', str(tmp_path / 'other.sqlite'), '--out', str(tmp_path / 'out')]) == 2
    assert 'other.sqlite' in capsys.readouterr().err
    assert (tmp_path / 'other.sqlite').read_bytes() == before
    with pytest.raises(UserError, match=r'other\.sqlite'):
        Store(tmp_path / 'other.sqlite', ['a', 'b'], ['1'], 1)
    assert (tmp_path / 'other.sqlite').read_bytes() == before

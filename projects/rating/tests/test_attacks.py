"""The raters' page under attack: paths that lead elsewhere, bodies without end, a kill amid a rating."""

import contextlib
import json
import random
import socket
import threading
from http.client import HTTPConnection

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from projects.rating.store import Store
from projects.rating.tests.conftest import METHODS

pytest.importorskip('fastapi', reason="the extra `rating` is not installed: pip install 'semrestore[rating]'")
SECRET = b'not-for-raters'
GOOD = dict(scores=[4, 3, 2, 1])


def send(address, data, wait=10, leave=False):
    """Send bytes to a server and return its answer; ``leave`` says that no more will be sent."""
    host, port = address.removeprefix('http://').rstrip('/').split(':')
    with socket.create_connection((host, int(port)), timeout=wait) as connection:
        answer = b''
        with contextlib.suppress(TimeoutError, ConnectionError):
            connection.sendall(data)
            if leave:
                connection.shutdown(socket.SHUT_WR)
            while part := connection.recv(65536):
                answer += part
        return answer


def request(method, path, body=b'', *headers):
    lines = [
        f'{method} {path} HTTP/1.1'.encode('latin-1'),
        b'Host: x',
        b'Connection: close',
        f'Content-Length: {len(body)}'.encode(),
    ]
    return b'\r\n'.join([*lines, *headers, b'', body])


def call(address, method, path, value=None):
    """Return the status and the JSON of a request."""
    body = b'' if value is None else json.dumps(value).encode()
    head, _, answer = send(address, request(method, path, body, b'Content-Type: application/json')).partition(
        b'\r\n\r\n'
    )
    return int(head.split()[1]) if head else None, json.loads(answer) if answer.startswith((b'{', b'[')) else answer


def rater_of(address):
    status, answer = call(address, 'POST', '/api/raters')
    assert status == 201
    return answer['rater']


@pytest.fixture
def server(serving, folders):
    (folders / 'secret.png').write_bytes(SECRET)
    (folders.parent / 'secret.txt').write_bytes(SECRET)
    process, address = serving()
    yield address
    assert process.poll() is None
    assert call(address, 'GET', '/')[0] == 200  # whatever came, it goes on


def test_no_path_leads_out_of_the_study(server):
    rater = rater_of(server)
    ways = ['..', '%2e%2e', '%2e.', '..%2f..', '..%5c..', '%c0%ae%c0%ae', '....//', '%00', '%252e%252e', 'C:', '~']
    targets = ['secret.png', 'secret.txt', 'first/0.png', 'mos.sqlite', 'etc/passwd', 'proc/self/environ']
    starts = [
        '',
        '/',
        '/api/',
        f'/api/raters/{rater}/items/0/',
        f'/api/raters/{rater}/items/',
        '/api/raters/',
        'http://x/',
        'file:///',
    ]
    for start in starts:
        for way in ways:
            for depth in (1, 4):
                for target in targets:
                    path = f'{start}{"/".join([way] * depth)}/{target}'
                    answer = send(server, request('GET', path if path.startswith(('/', 'h', 'f')) else f'/{path}'))
                    assert answer.split()[1] in (b'400', b'404', b'405', b'422'), path
                    assert SECRET not in answer
                    assert b'root:' not in answer
                    assert b'SQLite' not in answer


NO_ANSWERS = [
    b'',
    b'{',
    b'\xff\xfe',
    b'[' * 60_000,
    b'[' * 4_000,
    b'{"scores":' * 400,
    b'{"scores": [' + b'9' * 60_000 + b', 1, 2, 3]}',
    b'{"scores": [' + b'9' * 4_000 + b', 1, 2, 3]}',
    b'{"scores": [' + b','.join([b'1'] * 2_000) + b']}',
    b'{"scores": [NaN, 1, 2, 3]}',
    b'{"scores": [Infinity, 1, 2, 3]}',
    b'{"scores": [1e400, 1, 2, 3]}',
    b'{"scores": [1, 2, 3, 4], "scores": "x"}',
    b'{"__proto__": {}, "scores": [1, 2, 3, 4]}',
    b'{"scores": [1, 2, 3, 4]}\x00',
    b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
    b"'; DROP TABLE item; --",
    b'{"scores": [' + b','.join([b'1'] * 20_000) + b']}',
]


def test_an_invalid_answer_is_refused_and_stores_nothing(server):
    rater = rater_of(server)
    for body in NO_ANSWERS:
        for content in (b'application/json', b'text/plain', b'application/xml'):
            answer = send(server, request('PUT', f'/api/raters/{rater}/items/0', body, b'Content-Type: ' + content))
            assert answer.split()[1] in (b'400', b'413', b'422'), (body[:40], answer[:200])
            assert len(answer) < 1000
        assert call(server, 'GET', f'/api/raters/{rater}') == (200, dict(items=[[None] * 4] * 3)), body[:40]


def test_a_place_beyond_all_numbers_is_not_there(server):
    rater = rater_of(server)
    for position in ('9' * 19, '9' * 20, '9' * 400, '-' + '9' * 30):
        assert call(server, 'PUT', f'/api/raters/{rater}/items/{position}', GOOD)[0] in (404, 422), position
        assert call(server, 'GET', f'/api/raters/{rater}/items/{position}/0.png')[0] in (404, 422), position
        assert call(server, 'GET', f'/api/raters/{rater}/items/0/{position}.png')[0] in (404, 422), position


def test_a_body_without_end_is_cut_off(server):
    rater = rater_of(server)
    target = f'/api/raters/{rater}/items/0'
    long = request('PUT', target, b'', b'Content-Type: application/json').replace(
        b'Content-Length: 0', b'Content-Length: 1000000000000'
    )
    assert send(server, long + b'[' * 5_000).split()[1] == b'413'  # without waiting for the rest
    chunk = b'400\r\n' + b' ' * 0x400 + b'\r\n'
    endless = request('PUT', target, b'', b'Transfer-Encoding: chunked').replace(b'Content-Length: 0\r\n', b'')
    assert send(server, endless + 5 * chunk).split()[1] == b'413'
    assert call(server, 'GET', f'/api/raters/{rater}')[1] == dict(items=[[None] * 4] * 3)


def test_a_connection_that_stays_is_served_again_and_again(server):
    rater = rater_of(server)
    host, port = server.removeprefix('http://').rstrip('/').split(':')
    connection = HTTPConnection(host, int(port), timeout=30)
    connection.connect()
    connection.auto_open = False  # or one that the server closed would be opened again
    body = json.dumps(GOOD).encode().ljust(1000)  # together they are longer than one may be
    for _ in range(6):
        connection.request('PUT', f'/api/raters/{rater}/items/0', body, {'Content-Type': 'application/json'})
        answer = connection.getresponse()
        assert (answer.status, json.loads(answer.read())) == (200, GOOD)
    connection.close()


def test_another_sites_page_answers_for_nobody(server):
    for headers, status in (
        ([b'Sec-Fetch-Site: cross-site'], b'403'),
        ([b'Origin: http://elsewhere'], b'403'),
        ([b'Origin: null'], b'403'),
        ([b'Origin: http://x'], b'201'),
        ([b'Origin: https://study.example', b'Sec-Fetch-Site: same-origin'], b'201'),  # behind a proxy
        ([], b'201'),
    ):
        assert send(server, request('POST', '/api/raters', b'', *headers)).split()[1] == status
    rater = rater_of(server)
    body, kind = json.dumps(GOOD).encode(), b'Content-Type: application/json'
    assert (
        send(server, request('PUT', f'/api/raters/{rater}/items/0', body, kind, b'Sec-Fetch-Site: cross-site')).split()[
            1
        ]
        == b'403'
    )
    assert call(server, 'GET', f'/api/raters/{rater}')[1] == dict(items=[[None] * 4] * 3)
    assert (
        send(server, request('GET', '/', b'', b'Sec-Fetch-Site: cross-site')).split()[1] == b'200'
    )  # a link to the page


def test_an_invalid_request_does_no_harm(server):
    draws = random.Random(0)
    rater = rater_of(server)
    whole = request('PUT', f'/api/raters/{rater}/items/0', json.dumps(GOOD).encode(), b'Content-Type: application/json')
    head = whole.index(b'\r\n\r\n') + 4
    for cut in range(1, len(whole), 7):  # a rater whose connection breaks
        answer = send(server, whole[:cut], leave=True)
        assert not answer.startswith(b'HTTP/1.1 200'), cut
    assert call(server, 'GET', f'/api/raters/{rater}')[1]['items'][0] == [None] * 4
    for _ in range(60):
        garbage = bytearray(whole[:head])
        for _ in range(draws.randrange(1, 12)):
            garbage[draws.randrange(len(garbage))] = draws.randrange(256)
        answer = send(server, bytes(garbage), leave=True)
        assert b' 500 ' not in answer[:40]
    assert send(server, whole).startswith(b'HTTP/1.1 200')


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
        lambda inner: (
            st.lists(inner, max_size=5) | st.dictionaries(st.sampled_from(['scores', 'rater', '']), inner, max_size=3)
        ),
        max_leaves=10,
    )
)
def test_any_json_is_a_ranking_or_refused(client, study, value):
    rater = client.post('/api/raters').json()['rater']
    answer = client.put(
        f'/api/raters/{rater}/items/0', content=json.dumps(value), headers={'Content-Type': 'application/json'}
    )
    stored = client.get(f'/api/raters/{rater}').json()['items'][0]
    scores = value.get('scores') if isinstance(value, dict) and len(value) == 1 else None
    ranking = (
        isinstance(scores, list)
        and len(scores) == 4
        and all(score is None or (type(score) is int and 1 <= score <= 4) for score in scores)
        and len({score for score in scores if score is not None}) == sum(score is not None for score in scores)
    )
    assert (answer.status_code, stored) == ((200, scores) if ranking else (422, [None] * 4))


def test_raters_at_once_keep_what_each_of_them_said(server, folders):
    said = {}

    def rate(number):
        draws, rater = random.Random(number), rater_of(server)
        for _ in range(4):  # changing their minds
            for position in range(3):
                scores = draws.sample([1, 2, 3, 4], 4)
                assert call(server, 'PUT', f'/api/raters/{rater}/items/{position}', dict(scores=scores))[0] == 200
                said[rater, position] = scores

    threads = [threading.Thread(target=rate, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    store = Store(folders / 'mos.sqlite')
    assert len(said) == 12 * 3
    assert {
        (rater, item.position): item.scores for rater in {key[0] for key in said} for item in store.items(rater)
    } == said
    assert len(store.ratings()) == 12 * 3 * len(METHODS)


@pytest.mark.parametrize('answers', [1, 60])
def test_a_server_killed_in_the_middle_of_a_burst_has_all_that_it_confirmed(serving, folders, answers):
    process, address = serving()
    raters = [rater_of(address) for _ in range(8)]
    confirmed, sent = {}, {}
    stored, enough = [], threading.Event()

    def rate(rater):
        draws = random.Random(rater)
        for step in range(400):
            key, scores = (rater, step % 3), draws.sample([1, 2, 3, 4], 4)
            sent.setdefault(key, []).append(scores)
            try:
                status = call(address, 'PUT', f'/api/raters/{rater}/items/{step % 3}', dict(scores=scores))[0]
            except OSError:
                return
            if status != 200:
                return
            confirmed[key] = len(sent[key])
            stored.append(key)
            if len(stored) >= answers:
                enough.set()

    threads = [threading.Thread(target=rate, args=(rater,)) for rater in raters]
    for thread in threads:
        thread.start()
    assert enough.wait(30)
    process.kill()
    process.wait()
    for thread in threads:
        thread.join()
    serving()
    store = Store(folders / 'mos.sqlite')
    assert answers <= len(stored) < 8 * 400
    for (rater, position), count in confirmed.items():
        # The last that was confirmed, or the one after it, of which the rater does not know.
        assert store.items(rater)[position].scores in sent[rater, position][count - 1 : count + 1]

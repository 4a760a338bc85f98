"""The raters' page in a browser."""

import threading
import time
import urllib.error
import urllib.request

import pytest

from projects.rating.store import Store

pytest.importorskip('fastapi', reason="the extra `rating` is not installed: pip install 'semrestore[rating]'")


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

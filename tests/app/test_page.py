"""The page in a browser."""

import re

import pytest
from PIL import Image

from semrestore.app.trial import Limits, Trial
from semrestore.cli import app
from semrestore.cli.run import run

pytest.importorskip('gradio', reason="the extra `app` is not installed: pip install 'semrestore[app]'")


@pytest.fixture
def address():
    from semrestore.app.page import open_page

    networks = ['timm:tf_efficientnet_lite0', 'torchvision:lraspp_mobilenet_v3_large=random']
    page, address = open_page(Trial(Limits(megapixels=1), device='cpu'), networks, '127.0.0.1', 0)
    yield address
    page.close()


@pytest.mark.slow
def test_a_visitor_restores_a_photo_and_sees_what_a_network_sees(address, browser, tmp_path, photo_paths):
    page = browser.new_page(viewport=dict(width=390, height=844))
    problems, elsewhere = [], []
    page.on('pageerror', lambda error: problems.append(str(error)))
    page.on('request', lambda request: elsewhere.append(request.url) if 'http' in request.url else None)
    page.goto(address)
    restore = page.get_by_role('button', name='Restore', exact=True)
    restore.click()
    page.get_by_text('There is no photo yet').wait_for()

    broken = tmp_path / 'broken.jpg'
    broken.write_bytes(b'\xff\xd8\xff\xe0 no photo')
    page.locator('input[type=file]').set_input_files(broken)
    page.get_by_text('broken.jpg').first.wait_for()
    restore.click()
    page.get_by_text("'broken.jpg'").wait_for()

    page.get_by_role('button', name='coffee.png').click()
    page.locator('.file-preview').get_by_text('coffee').wait_for()
    restore.click()
    page.get_by_text('600 x 400 pixels').wait_for()
    page.get_by_test_id('label-output-value').nth(2).wait_for()
    assert page.get_by_test_id('label-output-value').all_inner_texts() == ['espresso'] * 3  # clean, noisy, restored
    page.wait_for_function("document.getElementById('results').getBoundingClientRect().top < innerHeight / 2")
    with page.expect_download() as download:
        page.get_by_role('button', name='Download').click()
    assert download.value.suggested_filename == 'coffee-restored.png'
    with Image.open(download.value.path()) as written:
        assert written.size == Image.open(photo_paths['coffee']).size

    page.get_by_label('Network that looks at it').click()
    page.get_by_role('option', name=re.compile('lraspp')).click()
    restore.click()
    page.get_by_alt_text('segmentation mask').first.wait_for()
    assert page.evaluate('document.documentElement.scrollWidth <= innerWidth'), 'nothing to scroll sideways on a phone'
    assert problems == []
    assert [url for url in elsewhere if not url.startswith((address, f'blob:{address}'))] == []


def test_a_port_that_is_taken_an_address_of_elsewhere_and_an_unknown_network_are_named(address, capsys):
    port = re.search(r':(\d+)/', address)[1]
    assert run(app.main, ['--port', port]) == 2
    assert port in capsys.readouterr().err
    assert run(app.main, ['--port', '0', '--host', '203.0.113.1']) == 2  # an address of documentation (RFC 5737)
    error = capsys.readouterr().err
    assert '203.0.113.1' in error
    assert 'port' not in error
    assert run(app.main, ['--networks', 'torchvision:mobilenet_v22']) == 2
    assert 'mobilenet_v2' in capsys.readouterr().err

"""What the tests of the raters' page share: folders of images, a study, a server."""

import subprocess
import sys

import pytest
from PIL import Image

from projects.rating.images import MethodFolders
from projects.rating.store import Store

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

"""What starts at once: importing the package, and the help of every command."""

import re
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

import semrestore
from semrestore.__main__ import COMMANDS


@pytest.mark.parametrize('what', ['import', '--help', *COMMANDS])
def test_no_pytorch_is_imported(what):
    arguments = [what, '--help'] if what in COMMANDS else [what]
    done = subprocess.run([sys.executable, 'tests/programs/start.py', *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ''
    assert what == 'import' or f'usage: {"semrestore" if what not in COMMANDS else ""}' in done.stdout


# Each needs no more than the files that it names, and is reported before anything is imported that takes seconds.
@pytest.mark.parametrize(
    ('arguments', 'named'),
    [
        ('train semrestore::joint/denoise_vgg61_sigma30.py', 'semrestore::joint/denoise_vgg16_sigma30.py'),
        ('train nowhere.py', 'nowhere.py'),
        ('train semrestore::joint/denoise_vgg16_sigma30.py --cfg-options model.tusk.checkpoint=a.pth', 'tusk'),
        ('test semrestore::joint/denoise_vgg16_sigma30.py multiscale-blnd', 'multiscale-blind'),
        ('fit torchvision:mobilenet_v2 --photos nowhere --out a.safetensors', 'nowhere'),
        ('fit torchvision:mobilenet_v2 --photos . --out a.safetensors --start recognition', 'recognition'),
        ('check torchvision:mobilenet_v2 --photos nowhere', 'nowhere'),
        ('check torchvision:mobilenet_v2 --photos . --checkpoint mobilenet.pth', 'mobilenet.pth'),
        ('fit torchvision:mobilenet_v2 --photos . --out a.safetensors --checkpoint mobilenet-v3', 'mobilenet-v2'),
        ('export recognition-blind --before torchvision:resnet18 --checkpoint a.pth --out a.onnx', 'a.pth'),
        ('cross-task --tasks nowhere.py --denoisers noisy --out a', 'nowhere.py'),
        ('cross-task --tasks semrestore::evaluation/zoo.py --denoisers a=b.pth --out a', 'b.pth'),
        (
            'cross-task --tasks semrestore::evaluation/zoo.py --denoisers noisy --out a --corruptions gausian_noise',
            'gaussian_noise',
        ),
        ('denoise nowhere.png', 'nowhere.png'),
        ('denoise {photo} --model multiscale-blnd', 'multiscale-blind'),
        ('denoise {photo} --model none --config nowhere.py', 'nowhere.py'),
        ('compare nowhere.png --methods noisy --sigma 25 --out a', 'nowhere.png'),
        ('compare {photo} --methods noisy a=multiscale-blnd --sigma 25 --out a', 'multiscale-blind'),
        ('gradient-maps semrestore::embedded/denoise_sigma30.py multiscale-blnd --out a', 'multiscale-blind'),
        ('curves nowhere --out a.png', 'nowhere'),
        ('export multiscale-blnd --out a.onnx', 'multiscale-blind'),
        ('prepare-data --data nowhere', 'nowhere'),
    ],
)
def test_a_missing_file_is_named_before_pytorch_is_imported(arguments, named, photo_paths):
    given = [word.format(photo=photo_paths['coffee']) for word in arguments.split()]
    done = subprocess.run([sys.executable, 'tests/programs/start.py', *given], capture_output=True, text=True)
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith('error: ')
    assert named in done.stderr


def test_denoising_a_photo_takes_none_of_the_training_libraries(tmp_path, photo_paths):
    program = (
        'import sys; from semrestore.__main__ import main; status = main(sys.argv[1:]);'
        ' others = {"timm", "mmcv", "mmpretrain", "mmseg", "mmengine.runner", "mmengine.model", "huggingface_hub"};'
        ' print({*sys.modules} & others);'
        ' sys.exit(status)'
    )
    small = tmp_path / 'small.png'
    Image.open(photo_paths['coffee']).crop((0, 0, 40, 40)).save(small)
    done = subprocess.run(
        [sys.executable, '-c', program, 'denoise', str(small)], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert 'multiscale-blind' in done.stdout
    assert done.stdout.splitlines()[-1] == 'set()'
    assert (tmp_path / 'restored/small.png').is_file()


@pytest.mark.slow
def test_denoising_needs_no_more_than_the_short_installation_has(tmp_path, photo_paths):
    page = Path('docs/installation.md').read_text()
    commands = re.search(r'## If you only denoise.*?```bash\n(.*?)```', page, re.DOTALL)[1].replace('\\\n', '')
    packages = [
        re.findall(r"(?<=[ '])[a-z][\w-]*", re.sub(r'--index-url \S+', '', line)) for line in commands.splitlines()
    ]
    whole = [name for line in packages[:2] for name in line if name not in ('install', 'pip')]
    alone = [name for name in packages[2] if name != 'install']
    assert {'torch', 'pillow', 'tifffile'} <= set(whole)
    assert alone == ['onedl-mmengine']  # and the clone
    small = Image.open(photo_paths['coffee']).convert('RGB').crop((0, 0, 40, 40))
    small.save(tmp_path / 'small.jpg')
    small.save(tmp_path / 'page.tif')
    cv2.imwrite(str(tmp_path / 'wide.png'), np.asarray(small).astype(np.uint16) * 257)
    program = [
        sys.executable,
        Path('tests/programs/short_install.py').resolve(),
        f'{" ".join(whole)};{" ".join(alone)}',
    ]
    arguments = ['denoise', 'small.jpg', 'page.tif', 'wide.png', '--sigma', 'auto']
    done = subprocess.run([*program, *arguments], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert '3 of 3 ' in done.stdout


def test_every_public_name_can_be_imported_and_has_a_docstring():
    assert sorted(semrestore.__all__) == semrestore.__all__
    for name in semrestore.__all__:
        assert getattr(semrestore, name).__doc__
    assert set(semrestore.__all__) <= set(dir(semrestore))

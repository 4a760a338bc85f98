"""The detector keeps the contract of a task and sees what EasyOCR's own detector sees."""

from itertools import islice

import numpy as np
import pytest
import skimage.data
import torch
from mmengine.structures import BaseDataElement, PixelData
from semrestore_text import TextDetection
from semrestore_text.pages import pages, words_of

from semrestore.testing import check_task


@pytest.fixture(scope='module')
def task():
    return TextDetection()


def tensor(image):
    return torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)[None] / 255


def test_it_keeps_the_contract_of_a_task(task):
    samples = [
        BaseDataElement(metainfo=dict(img_path=f'{name}.png'), gt_text_maps=PixelData(data=torch.rand(2, 24, 35)))
        for name in 'ab'
    ]
    check_task(task, torch.rand(2, 3, 48, 70), samples, layer='basenet.slice2')


@pytest.mark.parametrize('page', [skimage.data.page(), skimage.data.text()], ids=['page', 'text'])
def test_maps_are_those_of_easyocrs_own_pipeline(task, page):
    from easyocr.imgproc import normalizeMeanVariance, resize_aspect_ratio

    image = np.stack([page] * 3, -1)
    canvas, _, _ = resize_aspect_ratio(image, 2560, interpolation=1)
    theirs = torch.from_numpy(normalizeMeanVariance(canvas)).permute(2, 0, 1)[None]
    torch.testing.assert_close(task.preprocess(tensor(image)), theirs, atol=1e-4, rtol=0)
    with torch.no_grad():
        maps = task.maps(tensor(image))
    assert maps.shape[-2:] == (-(-page.shape[0] // 2), -(-page.shape[1] // 2))
    assert (maps[:, 0] > 0.4).float().mean() > 0.005


def test_it_sees_text_in_the_lines_and_nowhere_else(task):
    for page in islice(pages(words_of('paragraphs'), 5), 2):
        with torch.no_grad():
            region = task.maps(tensor(page.image))[0, 0]
        boxes = torch.zeros_like(region, dtype=torch.bool)
        for _, (left, top, right, bottom) in page.lines:
            part = (slice(top // 2, bottom // 2 + 1), slice(left // 2, right // 2 + 1))
            boxes[part] = True
            assert region[part].max() > 0.7  # EasyOCR's text_threshold
        assert region[~boxes].max() < 0.4

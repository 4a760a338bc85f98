"""The recogniser keeps the contract of a task and reads what EasyOCR's own reader reads."""

import jiwer
import numpy as np
import pytest
import torch
from mmengine.structures import BaseDataElement
from PIL import Image
from semrestore_text import TextRecognition
from semrestore_text.data import TEXTS, read_texts

from semrestore.errors import UserError
from semrestore.testing import check_task


@pytest.fixture(scope='module')
def task():
    return TextRecognition()


@pytest.fixture(scope='module')
def known(lines):
    """Images with their texts."""
    texts = read_texts(lines / TEXTS)
    return [(np.array(Image.open(lines / f'{name}.png')), text) for name, text in texts.items()]


@pytest.fixture(scope='module')
def reader(tmp_path_factory):
    """EasyOCR's own reader as people start it: quantised."""
    import easyocr
    import easyocr_en_models

    return easyocr.Reader(
        ['en'],
        gpu=False,
        model_storage_directory=easyocr_en_models.model_dir(),
        user_network_directory=str(tmp_path_factory.mktemp('networks')),
        download_enabled=False,
        detector=False,
        verbose=False,
    )


def tensor(image):
    return torch.from_numpy(image.copy()).permute(2, 0, 1)[None] / 255


def test_it_keeps_the_contract_of_a_task(task, known):
    image, text = known[0]
    images = torch.cat([tensor(image), tensor(image) + 0.05 * torch.randn(tensor(image).shape)])
    samples = [BaseDataElement(metainfo=dict(img_path=f'{name}.png'), gt_text=text) for name in 'ab']
    check_task(task, images, samples, layer='FeatureExtraction.ConvNet.5')


def test_it_reads_what_easyocr_reads(task, known, reader):
    truth = [text for _, text in known]
    with torch.no_grad():
        own = [task.read(tensor(image))[0][0] for image, _ in known]
    # EasyOCR takes BGR.
    theirs = [reader.recognize(np.ascontiguousarray(image[..., ::-1]))[0][1] for image, _ in known]
    assert abs(jiwer.cer(truth, own) - jiwer.cer(truth, theirs)) < 0.005
    assert jiwer.cer(theirs, own) < 0.01


def test_lines_are_prepared_as_easyocr_prepares_them(task, known):
    from easyocr.recognition import AlignCollate
    from easyocr.utils import get_image_list

    for image, _ in known[:4]:
        grey = np.array(Image.fromarray(image).convert('L'))
        ((_, crop),), width = get_image_list([[0, grey.shape[1], 0, grey.shape[0]]], [], grey, model_height=64)
        expected = AlignCollate(64, int(width), keep_ratio_with_pad=True)([Image.fromarray(crop)])
        torch.testing.assert_close(task.preprocess(tensor(image)), expected, atol=0.02, rtol=0)
        expected = AlignCollate(64, int(width), keep_ratio_with_pad=True, adjust_contrast=0.5)([Image.fromarray(crop)])
        stretched = task.padded(task.stretched(task.line(tensor(image))))
        assert (stretched - expected).abs().quantile(0.99) < 0.06  # EasyOCR rounds to whole grey levels before


def test_faint_lines_are_stretched_and_gradients_pass(task):
    faint = (0.4 + 0.2 * torch.rand(1, 1, 64, 128)).requires_grad_()
    stretched = task.stretched(faint)
    assert stretched.std() > 2 * faint.std()
    stretched.sum().backward()
    assert faint.grad.abs().sum() > 0


def test_the_loss_is_lowest_at_the_text_that_is_there(task, known):
    image, text = next((image, text) for image, text in known if task.read(tensor(image))[0][0] == text)

    def loss(truth):
        return task.loss(tensor(image), [BaseDataElement(gt_text=truth)])['loss_ctc'].item()

    assert loss(text) < 0.3
    assert loss(text) < loss(text[::-1])
    assert loss(text) < loss(text[:-2])


def test_a_character_that_the_network_does_not_know_is_named(task):
    with pytest.raises(UserError, match='ß'):
        task.check_labels([BaseDataElement(metainfo=dict(img_path='a.png'), gt_text='Straße')])

"""Errors counted by hand; the matrix's figures from them."""

import numpy as np
import pytest
import torch
from mmengine.structures import BaseDataElement, PixelData
from semrestore_text import TextAccuracy, TextMapIoU

from semrestore.errors import UserError

# truth, read, errors in characters, errors in words; counted by hand.
PAIRS = [
    ('a quick fox', 'a quick fox', (0, 11), (0, 3)),
    ('a quick fox', 'a quack fx', (2, 11), (2, 3)),  # one substitution, one deletion
    ('kitten', 'sitting', (3, 6), (1, 1)),  # the textbook's pair
    ('no space', 'nospace', (1, 8), (2, 2)),  # one word substituted, one deleted
    ('A', 'a', (1, 1), (1, 1)),
    ('30 days', '', (7, 7), (2, 2)),
    ('', 'dust', (4, 0), (1, 0)),
]


def read(truth, text):
    return TextAccuracy().row(BaseDataElement(gt_text=truth, pred_text=text), None)


@pytest.mark.parametrize(('truth', 'text', 'characters', 'words'), PAIRS)
def test_errors_are_those_of_a_count_by_hand(truth, text, characters, words):
    row = read(truth, text)
    assert tuple(row['characters']) == characters
    assert tuple(row['words']) == words


def test_a_rate_is_of_all_characters_and_not_a_mean_of_lines():
    rows = [read('a quick fox', 'a quack fx'), read('A', 'a')]
    counts = np.array([[1, 1], [0, 2], [2, 0]])
    np.testing.assert_allclose(TextAccuracy().values('1-CER', rows, counts), [100 * 9 / 12, 0, 100 * 9 / 11])
    np.testing.assert_allclose(TextAccuracy().values('1-WER', rows, counts), [25, 0, 100 / 3])


def test_a_line_has_points_of_its_own():
    assert TextAccuracy().points(read('30 days', '30 dogs')) == pytest.approx(100 * 5 / 7)


def test_a_line_without_its_text_is_named():
    with pytest.raises(UserError, match=r'x\.png'):
        TextAccuracy().row(BaseDataElement(metainfo=dict(img_path='x.png'), pred_text=''), None)


def test_the_detectors_agreement_is_the_overlap_of_where_it_sees_text():
    truth, found = torch.zeros(2, 4, 4), torch.zeros(2, 4, 4)
    truth[0, :2, :] = 0.9  # 8 pixels
    found[0, 1, :] = 0.9  # 4 of them
    found[1, 3, :2] = 0.5  # and 2 others, of the second map
    score, maps = TextMapIoU(), (PixelData(data=truth), PixelData(data=found))
    row = score.row(BaseDataElement(gt_text_maps=maps[0], pred_text_maps=maps[1]), None)
    assert row == dict(intersect=4, union=10)
    assert score.points(row) == 40
    empty = dict(intersect=0, union=0)
    np.testing.assert_allclose(score.values('text IoU', [row, empty], np.array([[1, 1], [0, 2]])), [40, 100])

"""Pages of known text: the same from one seed, other from another, and the lines are where they are said to be."""

from itertools import islice

import numpy as np
import pytest
from semrestore_text.data import TEXTS, TextLines, read_texts
from semrestore_text.pages import pages, words_of

from semrestore.errors import UserError
from semrestore.testing import check_dataset

PIPELINE = [dict(type='semrestore.LoadPhoto'), dict(type='semrestore.PackText')]


def test_a_seed_gives_the_same_pages_every_time():
    words = words_of('paragraphs')
    (one, other), (again, _), (different, _) = (list(islice(pages(words, seed), 2)) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one.image, again.image)
    assert one.lines == again.lines
    assert (one.image != other.image).any()
    assert (one.image != different.image).any()


def test_all_ink_is_in_the_boxes_and_the_words_are_those_of_the_text():
    words = words_of('licence')
    for page in islice(pages(words, 3), 6):
        grey = page.image.mean(2)
        ink = grey < (grey.min() + np.median(grey)) / 2
        boxes = np.zeros_like(ink)
        for _, (left, top, right, bottom) in page.lines:
            boxes[top:bottom, left:right] = True
            assert ink[top:bottom, left:right].any()
        assert not (ink & ~boxes).any()
        found = ' '.join(text for text, _ in page.lines)
        assert found in ' '.join(words * 2)


def test_lines_are_a_data_set_with_their_texts(lines):
    data = TextLines(folder=str(lines), pipeline=PIPELINE)
    check_dataset(data)
    texts = read_texts(lines / TEXTS)
    assert [data[index]['data_samples'].gt_text for index in range(len(data))] == list(texts.values())


def test_a_part_of_a_line_has_no_text(lines):
    crop = dict(type='mmpretrain.RandomCrop', crop_size=(40, 32), pad_if_needed=True, padding_mode='edge')
    data = TextLines(folder=str(lines), pipeline=[PIPELINE[0], crop, PIPELINE[1]])
    assert 'gt_text' not in data[0]['data_samples']


def test_a_line_without_a_text_is_named(lines, tmp_path):
    (tmp_path / '0000.png').write_bytes((lines / '0000.png').read_bytes())
    (tmp_path / TEXTS).write_text('name,text\n')
    with pytest.raises(UserError, match='0000'):
        TextLines(folder=str(tmp_path), pipeline=PIPELINE)

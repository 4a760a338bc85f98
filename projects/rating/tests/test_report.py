"""The report against published figures."""

import json

import numpy as np
import pytest
from PIL import Image

from projects.rating import __main__ as mos
from projects.rating.report import krippendorff_alpha, table
from projects.rating.tests.conftest import METHODS
from semrestore.cli.run import run

# Krippendorff (2011), section C: four observers, twelve units, missing data; published alphas: nominal .743, ordinal
# .815, interval .849.
PUBLISHED = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3],
    [None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None],
]


def test_agreement_is_the_published_one():
    ratings = [
        dict(rater=str(rater), image=str(unit), method='m', score=score)
        for rater, scores in enumerate(PUBLISHED)
        for unit, score in enumerate(scores)
        if score is not None
    ]
    assert krippendorff_alpha(ratings) == pytest.approx(0.849, abs=0.0005)
    assert krippendorff_alpha(ratings[:1]) is None


def test_the_table_has_means_variances_and_intervals_over_raters():
    scores = {'a': [[4, 4], [4, 3], [3, 4]], 'b': [[1, 2], [2, 1], [1, 1]]}
    ratings = [
        dict(rater=str(rater), image=str(image), method=method, score=score)
        for method, by_rater in scores.items()
        for rater, own in enumerate(by_rater)
        for image, score in enumerate(own)
    ]
    first, second = table(ratings, ['a', 'b'])
    assert (first['mean'], second['mean']) == (pytest.approx(22 / 6), pytest.approx(8 / 6))
    assert first['variance'] == pytest.approx(np.var([4, 4, 4, 3, 3, 4], ddof=1))
    # Each rater's mean is 4, 3.5 and 3.5: the bootstrap's means lie between those.
    assert (first['low'], first['high']) == (3.5, 4.0)
    assert first['ratings'] == 6
    assert table(ratings[:2], ['a'])[0]['low'] is None


def test_the_report_writes_table_plot_and_rows(study, folders, capsys):
    store = study[1]
    assert run(mos.main, ['report', str(store.path), '--out', str(folders / 'report')]) == 2
    assert str(store.path) in capsys.readouterr().err
    for _ in range(4):
        rater = store.add_rater()
        for item in store.items(rater):
            store.answer(rater, item.position, [4 - METHODS.index(method) for method in item.methods])
    assert run(mos.main, ['report', str(store.path), '--out', str(folders / 'report')]) == 0
    document = json.loads((folders / 'report/mos.json').read_text())
    assert [(row['method'], row['mean'], row['low'], row['variance']) for row in document['methods']] == [
        (method, 4 - index, 4 - index, 0) for index, method in enumerate(METHODS)
    ]
    assert document['krippendorff_alpha'] == 1
    assert len((folders / 'report/ratings.csv').read_text().splitlines()) == 1 + 4 * 3 * 4
    assert Image.open(folders / 'report/mos.png').width > 500
    assert '| first | 4.00 |' in capsys.readouterr().out

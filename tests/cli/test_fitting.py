"""What `semrestore check` and `fit` say of their table."""

import pytest

from semrestore.cli.fitting import verdict


@pytest.mark.parametrize(
    ('helped', 'harmed', 'said', 'p'),
    [
        (16, 1, 'helps this network', 'p < 0.001'),  # 2 * (1 + 17) / 2**17
        (0, 10, 'harms this network', 'p = 0.002'),  # 2 / 2**10
        (8, 1, 'helps this network', 'p = 0.039'),  # 2 * (1 + 9) / 2**9
        (1, 8, 'harms this network', 'p = 0.039'),
        (3, 1, 'do not decide', 'p = 0.625'),  # 2 * (1 + 4) / 2**4
        (1, 3, 'do not decide', 'p = 0.625'),
        (0, 0, 'do not decide', 'p = 1.000'),
    ],
)
def test_proven_help_and_proven_harm_are_told_from_chance(helped, harmed, said, p):
    noisy = dict(method='noisy', value=40, images=50)
    worse = dict(method='worse', value=10, images=50, helped=0, harmed=30)
    best = dict(method='mine', value=50, images=50, helped=helped, harmed=harmed)
    sentence = verdict([noisy, worse, best])
    for part in ("'mine'", said, p, f'{helped} photos helped, {harmed} harmed'):
        assert part in sentence
    assert 'points' not in sentence
    assert 'by more than 5 points' in verdict([noisy, {**best, 'margin': 5.0}])

"""Plots show the figures that they are given: positions, heights, intervals, numbers and labels, by hand."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from semrestore.visualization.corruption_map import draw_corruption_map
from semrestore.visualization.curves import draw_curves
from semrestore.visualization.matrix import draw_matrix

NOWHERE = Path('never written.png')


@pytest.fixture
def saved(monkeypatch):
    """The figures that are saved, instead of files."""
    figures = []
    monkeypatch.setattr(Figure, 'savefig', lambda self, path, dpi: figures.append(self))
    return figures


def figure(method, sigma, value, low, high, task='a_network', metric='top-1'):
    return dict(task=task, metric=metric, method=method, sigma=sigma, value=value, low=low, high=high)


def points(container):
    """Return the points of an error bar with the ends of their intervals: x, y, low, high."""
    line, _, (bars,) = container.lines
    return [
        (x, y, bar[0][1], bar[1][1])
        for x, y, bar in zip(line.get_xdata(), line.get_ydata(), bars.get_segments(), strict=True)
    ]


def ticks(axis):
    return dict(zip(axis.get_ticklocs().tolist(), [label.get_text() for label in axis.get_ticklabels()], strict=True))


def texts(things):
    return [thing.get_text() for thing in things]


def test_the_matrix_has_accuracy_over_the_noise_level_with_intervals(saved):
    records = [
        figure('noisy', 'none', 80.0, 75.0, 84.0),
        figure('ours', 'none', 79.0, 74.0, 83.0),
        figure('noisy', 30, 40.0, 34.0, 47.0),
        figure('ours', 30, 70.0, 71.0, 76.0),  # a bootstrap's interval may leave out the value
        figure('ours', 30, 90.0, 88.0, 92.0, metric='top-5'),
        figure('ours', 30, 55.0, 50.0, 61.0, task='other', metric='mIoU'),
    ]
    draw_matrix(records, NOWHERE)
    first, second = saved[0].axes
    noisy, ours = first.containers
    assert points(noisy) == [(0, 80, 75, 84), (30, 40, 34, 47)]
    assert points(ours) == [(0, 79, 74, 83), (30, 70, 70, 76)]
    assert [points(one) for one in second.containers] == [[(30, 55, 50, 61)]]
    assert ticks(first.xaxis) == {0: 'none', 30: '30'}
    assert (first.get_title(), first.get_xlabel(), first.get_ylabel()) == ('a network', 'sigma', 'top-1 (%)')
    assert (second.get_title(), second.get_ylabel()) == ('other', 'mIoU (%)')
    assert texts(first.get_legend().get_texts()) == ['noisy', 'ours']
    assert ours.lines[0].get_linestyle() == '-'
    # A method has its colour in every panel.
    assert second.containers[0].lines[0].get_color() == ours.lines[0].get_color() != noisy.lines[0].get_color()


def test_the_matrix_of_one_level_has_a_place_for_each_method(saved):
    draw_matrix([figure(name, 30, 10.0 * place, 0, 99) for place, name in enumerate('abc', 1)], NOWHERE)
    (axis,) = saved[0].axes
    assert [points(one) for one in axis.containers] == [[(0, 10, 0, 99)], [(1, 20, 0, 99)], [(2, 30, 0, 99)]]
    assert ticks(axis.xaxis) == {0: 'a', 1: 'b', 2: 'c'}


def test_the_matrix_of_named_noise_has_a_place_for_each_noise_and_joins_none(saved):
    draw_matrix([figure('ours', sigma, 50.0, 40, 60) for sigma in (30, 'camera', 'none')], NOWHERE)
    (axis,) = saved[0].axes
    assert points(axis.containers[0]) == [(place, 50, 40, 60) for place in range(3)]
    assert ticks(axis.xaxis) == {0: '30', 1: 'camera', 2: 'none'}
    assert axis.get_xlabel() == 'noise'
    assert axis.containers[0].lines[0].get_linestyle().lower() == 'none'


def corrupted(task, method, corruption, metric='top-1', **severities):
    found = {int(name[1:]): value for name, value in severities.items()}
    return dict(task=task, metric=metric, method=method, corruption=corruption, severities=found)


def test_the_map_of_corruptions_has_a_number_for_each_severity(saved):
    mean = dict(task='a_network', metric='top-1', method='noisy', corruption='mean', value=50.0)
    records = [
        corrupted('a_network', 'noisy', 'fog', s1=71.4, s3=59.0),
        corrupted('a_network', 'noisy', 'shot_noise', s1=12.6),
        mean,
        corrupted('a_network', 'noisy', 'fog', metric='top-5', s1=99.0, s3=99.0),
        corrupted('a_network', 'ours', 'fog', s1=8.0, s3=9.0),
        corrupted('a_network', 'ours', 'shot_noise', s1=60.0, s3=100.0),
        corrupted('other', 'ours', 'fog', metric='mIoU', s1=1.0, s3=2.0),
        corrupted('other', 'ours', 'shot_noise', metric='mIoU', s1=3.0, s3=4.0),
    ]
    draw_corruption_map(records, NOWHERE)
    noisy, ours, nothing, other, *bars = saved[0].axes
    for axis, expected in (
        (noisy, [[71.4, 59.0], [12.6, np.nan]]),
        (ours, [[8, 9], [60, 100]]),
        (other, [[1, 2], [3, 4]]),
    ):
        (image,) = axis.images
        np.testing.assert_array_equal(image.get_array().filled(np.nan), expected)
        assert image.get_clim() == (0, 100)
        assert ticks(axis.xaxis) == {0: '1', 1: '3'}
    cells = {text.get_position(): (text.get_text(), text.get_color()) for text in noisy.texts}
    # Across and down; white on the dark half of the colours.
    assert cells == {(0, 0): ('71', 'black'), (1, 0): ('59', 'white'), (0, 1): ('13', 'white')}
    assert texts(ours.texts) == ['8', '9', '60', '100']
    assert ticks(noisy.yaxis) == {0: 'fog', 1: 'shot noise'}
    assert [axis.get_title() for axis in (noisy, ours, other)] == ['a network\nnoisy', 'a network\nours', 'other\nours']
    assert not nothing.axison
    assert [bar.get_ylabel() for bar in bars] == ['top-1 (%)', 'mIoU (%)']


def test_curves_have_every_value_and_its_running_mean(saved):
    counted = {step: float(step) for step in range(25, 0, -1)}  # in any order
    runs = {
        'joint': {'loss': {1: 3.0, 2: 2.0}, 'loss_task': counted, 'loss_pixel': {1: 1.0}, 'PSNR': counted},
        'apart': {'loss': {2: 5.0, 4: 4.0}, 'PSNR': {2: 30.0}},
    }
    draw_curves(runs, NOWHERE, 100)
    axes = {axis.get_title(): axis for axis in saved[0].axes if axis.axison}
    assert list(axes) == ['loss', 'loss task', 'loss pixel', 'PSNR']
    assert {axis.get_xlabel() for axis in axes.values()} == {'iterations'}

    def lines(name):
        return [line for line in axes[name].lines if len(line.get_xdata())]

    def values(line):
        return list(zip(line.get_xdata(), line.get_ydata(), strict=True))

    one, other = lines('loss')
    assert (values(one), values(other)) == ([(1, 3), (2, 2)], [(2, 5), (4, 4)])
    faint, mean = lines('loss task')
    assert values(faint) == [(step, step) for step in range(1, 26)]
    assert faint.get_alpha() < 0.5 < (mean.get_alpha() or 1)
    # Of the last twenty: 1..20 have the mean 10.5, 6..25 have 15.5.
    smoothed = dict(values(mean))
    assert [smoothed[step] for step in (1, 2, 20, 21, 25)] == pytest.approx([1, 1.5, 10.5, 11.5, 15.5])
    assert [values(line) for line in lines('PSNR')] == [[(step, step) for step in range(1, 26)], [(2, 30)]]
    assert texts(axes['loss'].get_legend().get_texts()) == ['joint', 'apart']
    colours = [line.get_color() for line in axes['loss'].get_legend().get_lines()]
    assert colours == [one.get_color(), other.get_color()]
    assert {line.get_color() for line in (faint, mean)} == {one.get_color()}


def test_curves_of_one_loss_leave_out_the_sum_which_is_the_same(saved):
    draw_curves({'run': {'loss': {1: 1.0}, 'loss_pixel': {1: 1.0}, 'SSIM': {1: 0.5}}}, NOWHERE, 100)
    assert [axis.get_title() for axis in saved[0].axes if axis.axison] == ['loss pixel', 'SSIM']
    assert saved[0].axes[0].get_legend() is None

"""The page of the weights for recognition: its means are those of its rows."""

import json
from pathlib import Path

from projects.zoo import pages, recognition
from semrestore.evaluation.matrix import Cell


def record(task, method, sigma, value, **more):
    known = dict(task=task, metric='top-1', sigma=sigma, method=method, images=100, value=value, low=0.0, high=100.0)
    return known | dict(psnr=30.0, place=None) | more


def test_the_summary_is_the_mean_over_the_judges_and_each_network_has_a_table(tmp_path, monkeypatch):
    records = []
    for task, noisy, restored in (
        ('mobilenetv2_imagenet_samples', 40.0, 70.0),
        ('efficientnet_lite1_imagenet_samples', 60.0, 80.0),
        ('efficientnet_lite2_imagenet_samples', 62.0, 84.0),
        ('efficientnet_lite0_imagenet_samples', 0.0, 1.0),  # no judge
    ):
        records += [record(task, 'noisy', 30, noisy), record(task, 'clean', 30, 80.0)]
        for method in ('recognition', 'pixel-trained'):
            records.append(record(task, method, 30, restored, recovery=75.0, helped=31, harmed=2))
        records[-2] |= dict(difference=1.26, difference_low=-0.51, difference_high=3.0)  # of recognition
        peer = dict(ahead=4.0, ahead_low=-2.0, ahead_high=10.0)
        records.append(record(task, 'BM3D', 30, 50.0, images=10, recovery=20.0, helped=1, harmed=0, **peer))
        records.append(record(task, 'FFDNet', 30, 60.0, recovery=40.0, **peer))
    monkeypatch.setattr(recognition, 'RESULTS', tmp_path / 'recognition.json')
    recognition.RESULTS.write_text(json.dumps(dict(records=records)))
    blocks = recognition.recognition_blocks()
    # (40 + 60 + 62) / 3 and (70 + 80 + 84) / 3; 3 x 31 and 3 x 2; BM3D ran on a part of the images.
    assert (
        '| 30 | 54.0 | 80.0 | 78.0 (75 %) | 78.0 (75 %) | 60.0 (40 %) | 93 / 6 | 93 / 6 |'
        in blocks['recognition_summary']
    )
    assert 'BM3D' not in blocks['recognition_summary']
    row = '| 30 | 40.0 | 80.0 | 70.0 (75 %) | 70.0 (75 %) | 31 / 2 | 31 / 2 | 30.00 | 30.00 | +1.3 [-0.5, +3.0] |'
    assert '### MobileNetV2, top-1 (%), 100 images\n\n| noise | noisy |' in blocks['recognition_unseen']
    assert row in blocks['recognition_unseen']
    assert 'EfficientNet-Lite0' in blocks['recognition_seen']
    assert 'EfficientNet-Lite0' not in blocks['recognition_unseen']
    all_images, some_images = blocks['recognition_peers'].split('\n\n')
    assert '| MobileNetV2 | 30 | 100 | 60.0 (+4.0 [-2.0, +10.0]) |' in all_images
    assert '| MobileNetV2 | 30 | 10 | 50.0 (+4.0 [-2.0, +10.0]) |' in some_images


def test_noise_that_is_not_white_has_a_table_with_the_weights_for_it(tmp_path, monkeypatch):
    task = 'mobilenetv2_imagenet_samples'
    records = [record(task, method, 'camera', value) for method, value in (('noisy', 60.0), ('clean', 84.0))]
    for method, value in (('recognition', 61.0), ('pixel-trained', 59.0), ('universal', 72.0)):
        records.append(record(task, method, 'camera', value, recovery=(value - 60) / 0.24, helped=14, harmed=3))
    records += [record(task, method, 15, 50.0, helped=0, harmed=0) for method in ('noisy', 'clean', *recognition.OURS)]
    monkeypatch.setattr(recognition, 'RESULTS', tmp_path / 'recognition.json')
    recognition.RESULTS.write_text(json.dumps(dict(records=records)))
    blocks = recognition.recognition_blocks()
    row = "| MobileNetV2 | a camera's | 60.0 | 61.0 (4 %) | 59.0 (-4 %) | 72.0 (50 %) | - | 84.0 | 14 / 3 | 14 / 3 |"
    row += ' 30.00 | 30.00 | - | - |'
    assert row in blocks['recognition_other']
    assert 'camera' not in blocks['recognition_unseen']


def half_right(tasks, methods, noises, *_):
    """Return cells as a measurement does, in which one of two images is recognised."""
    rows = [dict(image=str(rank), score='TopK', rank=rank, psnr=30.0) for rank in (0, 1)]
    return [Cell(task, method.name, noise, [0, 1], rows) for task in tasks for method in methods for noise in noises]


def test_figures_of_earlier_runs_stay_unless_the_weights_changed(tmp_path, monkeypatch):
    monkeypatch.setattr(recognition, 'ROOT', tmp_path)
    monkeypatch.setattr(recognition, 'RESULTS', tmp_path / 'recognition.json')
    monkeypatch.setattr('semrestore.evaluation.cross_task.task_configs', lambda path: {Path(path).stem: None})
    monkeypatch.setattr('semrestore.evaluation.cross_task.run_cells', half_right)
    names = recognition.OURS | recognition.MIXED
    files = {name: dict(file=f'{name}-1.safetensors') for name in names.values()}
    monkeypatch.setattr('semrestore.weights.zoo.published', lambda: files)
    task = 'mobilenetv2_imagenet_samples'
    weights = {title: files[name]['file'] for title, name in names.items()}
    earlier = [record(task, method, sigma, 40.0) for method in ('noisy', 'recognition') for sigma in (60, 30)]
    recognition.RESULTS.write_text(json.dumps(dict(weights=weights, records=earlier)))

    def values(*levels):
        recognition.measure_recognition(None, 0, levels, ['mobilenetv2'])
        records = json.loads(recognition.RESULTS.read_text())['records']
        assert [one['sigma'] for one in records] == sorted(one['sigma'] for one in records)
        return {(one['method'], one['sigma']): one['value'] for one in records}

    found = values('15', '30')
    assert {found[method, sigma] for method in ('noisy', 'recognition') for sigma in (15, 30)} == {50.0}
    assert (found['noisy', 60], found['recognition', 60]) == (40.0, 40.0)
    files['recognition-blind'] = dict(file='recognition-blind-2.safetensors')
    found = values('30')
    assert (found['noisy', 60], found['noisy', 15], found['pixel-trained', 15]) == (40.0, 50.0, 50.0)
    assert [sigma for method, sigma in found if method == 'recognition'] == [30]


def test_corruptions_are_read_from_the_table_of_the_study(tmp_path, monkeypatch):
    monkeypatch.setattr(pages, 'CORRUPTIONS', tmp_path / 'imagenet_c.csv')
    pages.CORRUPTIONS.write_text(
        'task,metric,method,images,corruption,value,low,high,recovery,helped,harmed,clean,relative\n'
        'mobilenetv2_imagenet_samples,top-1,noisy,200,fog,60.0,,,,,,,\n'
        'mobilenetv2_imagenet_samples,top-1,noisy,200,mean,60.0,55.0,65.0,,,,84.0,71.429\n'
        'mobilenetv2_imagenet_samples,top-1,blind,200,fog,58.5,,,-6.25,30,45,,\n'
        'mobilenetv2_imagenet_samples,top-1,blind,200,mean,58.5,53.0,64.0,-6.25,30,45,83.5,70.06\n'
    )
    text = pages.pages()[pages.RESULTS]
    assert '### MobileNetV2, top-1 (%) under corruption, 200 images' in text
    assert '| blind | 83.5 | 58.5 [53.0, 64.0] | 70.1 | -6.2 | 30 / 45 |' in text
    assert '| fog | 60.0 | 58.5 (30 / 45) |' in text

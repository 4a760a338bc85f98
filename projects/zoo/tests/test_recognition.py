"""The page of the weights for recognition: its means are those of its rows."""

import json

from projects.zoo import recognition


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
        records.append(record(task, 'noisy', 30, noisy))
        for method in ('recognition', 'pixel-trained'):
            records.append(record(task, method, 30, restored, recovery=75.0, helped=31, harmed=2))
        records[-2] |= dict(difference=1.26, difference_low=-0.51, difference_high=3.0)  # of recognition
        records.append(record(task, 'BM3D', 30, 50.0, images=10, recovery=20.0, helped=1, harmed=0))
    monkeypatch.setattr(recognition, 'RESULTS', tmp_path / 'recognition.json')
    recognition.RESULTS.write_text(json.dumps(dict(records=records)))
    blocks = recognition.recognition_blocks()
    # (40 + 60 + 62) / 3 and (70 + 80 + 84) / 3; 3 x 31 and 3 x 2; BM3D ran on a part of the images.
    assert '| 30 | 54.0 | 78.0 (75 %) | 78.0 (75 %) | 93 / 6 | 93 / 6 |' in blocks['recognition_summary']
    assert 'BM3D' not in blocks['recognition_summary']
    row = '| 30 | 40.0 | 70.0 (75 %) | 70.0 (75 %) | 50.0 (20 %) | 31 / 2 | 31 / 2 | 30.00 | 30.00 |'
    row += ' +1.3 [-0.5, +3.0] |'
    assert '### MobileNetV2, top-1 (%), 100 images\n\n| noise | noisy |' in blocks['recognition_unseen']
    assert row in blocks['recognition_unseen']
    assert 'BM3D (10 images)' in blocks['recognition_unseen']
    assert 'EfficientNet-Lite0' in blocks['recognition_seen']
    assert 'EfficientNet-Lite0' not in blocks['recognition_unseen']

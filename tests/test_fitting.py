"""A denoiser for a network by its name: the photos held out, the noise by its name, the table, the files written."""

import json
import shutil
import struct

import numpy as np
import pytest
import timm
import torch
from mmengine.registry import DefaultScope
from PIL import Image
from safetensors import safe_open
from torchvision import models

import semrestore.config.named
import semrestore.fitting
from semrestore.cli import check, fit
from semrestore.cli.run import run
from semrestore.config import load_config
from semrestore.config.named import named_task
from semrestore.errors import UserError
from semrestore.fitting import noise_config, published_for
from semrestore.images.split import split_photos
from semrestore.registry import DATASETS, MODELS
from semrestore.weights.build import load_denoiser
from tests.images.bad_images import chunk


@pytest.fixture
def folder(tmp_path, photo_paths):
    photos = tmp_path / 'photos'
    photos.mkdir()
    for number in range(24):
        image = Image.open(list(photo_paths.values())[number % len(photo_paths)]).convert('RGB')
        image.resize((150 + number, 140)).save(photos / f'{number:02}.png')
    return photos


def test_a_network_of_timm_is_prepared_as_timm_says():
    named = named_task('timm:resnet18', 'random')
    known = timm.get_pretrained_cfg('resnet18')
    assert named.side == known.input_size[-1]
    assert named.short_side == round(named.side / known.crop_pct)
    task = MODELS.build(named.task)
    images = torch.rand(1, 3, 64, 64)
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (known.mean, known.std))
    torch.testing.assert_close(task.preprocess(images), (images - mean) / std, rtol=1e-5, atol=1e-5)


def test_a_network_of_torchvision_is_prepared_as_torchvision_says():
    named = named_task('torchvision:resnet18', 'random')
    preset = models.ResNet18_Weights.DEFAULT.transforms()
    assert (named.side, named.short_side) == (preset.crop_size[0], preset.resize_size[0])
    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (300, 280, 3), dtype=np.uint8))
    expected = preset(image)
    cut = image.resize((256, 274), Image.Resampling.BILINEAR).crop((16, 25, 240, 249))
    array = torch.from_numpy(np.array(cut)).permute(2, 0, 1)[None] / 255
    assert (MODELS.build(named.task).preprocess(array)[0] - expected).abs().mean() < 0.02


@pytest.mark.parametrize(
    ('name', 'crop'),
    [
        ('timm:vit_tiny_patch16_224', 224),
        ('torchvision:vit_b_32', 224),
        ('timm:resnet18', 128),
        ('torchvision:swin_t', 128),
    ],
)
def test_a_network_that_takes_one_size_is_trained_through_at_that_size(name, crop, folder, tmp_path, monkeypatch):
    monkeypatch.setattr(semrestore.fitting, 'train', lambda cfg: None)
    given = named_task(name, 'random'), split_photos(folder), noise_config('25'), tmp_path
    cfg, _ = semrestore.fitting.fit(*given, start='zoo:multiscale-blind', iterations=1)
    with DefaultScope.overwrite_default_scope('semrestore'):
        photos = DATASETS.build(cfg.train_dataloader.dataset)
    assert photos[0]['inputs'].shape == (3, crop, crop)


def test_segmenters_and_detectors_of_torchvision_are_known_by_name():
    segmenter, detector = (
        named_task(f'torchvision:{name}', 'random')
        for name in ('lraspp_mobilenet_v3_large', 'ssdlite320_mobilenet_v3_large')
    )
    assert segmenter.soft
    assert not detector.soft
    assert MODELS.build(segmenter.task).kind == 'segmentation'
    assert detector.task['type'] == 'TorchvisionTask'


@pytest.fixture
def tiny_vit(tmp_path):
    transformers = pytest.importorskip('transformers', reason='the extra `transformers` is not installed')
    sizes = dict(hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16)
    config = transformers.ViTConfig(**sizes, image_size=48, patch_size=8, num_labels=5)
    transformers.ViTForImageClassification(config).save_pretrained(tmp_path / 'vit')
    transformers.ViTImageProcessor(size=dict(height=48, width=48)).save_pretrained(tmp_path / 'vit')
    return tmp_path / 'vit'


def test_a_network_of_transformers_is_known_by_its_folder(tiny_vit):
    named = named_task(f'hf:{tiny_vit}')
    assert (named.side, named.short_side, named.soft) == (48, 48, True)
    assert MODELS.build(named.task).num_classes == 5


def convnext(transformers):
    config = transformers.ConvNextConfig(hidden_sizes=[8] * 4, depths=[1] * 4, num_labels=5)
    processor = transformers.ConvNextImageProcessor(size=dict(shortest_edge=224), crop_pct=0.875)
    return transformers.ConvNextForImageClassification(config), processor


def levit(transformers):
    sizes = dict(hidden_sizes=[16] * 3, num_attention_heads=[1] * 3, depths=[1] * 3, key_dim=[4] * 3)
    network = transformers.LevitForImageClassification(transformers.LevitConfig(**sizes))
    return network, transformers.LevitImageProcessor()


@pytest.mark.parametrize('network', [convnext, levit])
def test_a_network_that_sees_the_middle_of_its_photos_sees_the_noise_of_their_pixels(network, tmp_path):
    transformers = pytest.importorskip('transformers')
    built, processor = network(transformers)
    built.save_pretrained(tmp_path)
    processor.save_pretrained(tmp_path)
    named = named_task(f'hf:{tmp_path}')
    assert (named.side, named.short_side) == (224, 256)  # its processor enlarges to 256 and cuts out 224
    image = torch.rand(1, 3, 224, 224)
    prepared = MODELS.build(named.task).preprocess(image)
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (processor.image_mean, processor.image_std))
    torch.testing.assert_close(prepared * std + mean, image, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ('name', 'side', 'classes'),
    [
        ('mmpretrain:mobilenet_v2/mobilenet-v2_8xb32_in1k', 224, 1000),
        ('mmseg::fastscnn/fast_scnn_8xb4-160k_cityscapes-512x1024.py', 512, 19),
        ('mmseg:mobilenet_v3/mobilenet-v3-d8_lraspp_4xb4-320k_cityscapes-512x1024', 512, 19),  # fails at 391 and less
    ],
)
def test_a_config_of_a_library_is_known_by_its_name(name, side, classes):
    named = named_task(name, 'random')
    assert (named.side, named.soft) == (side, True)
    task = MODELS.build(named.task)
    assert task.num_classes == classes
    assert task.run(torch.zeros(1, 3, side, side)).shape[1] == classes
    with pytest.raises(UserError, match='--checkpoint'):
        named_task(name)


@pytest.mark.parametrize(
    ('name', 'said'),
    [
        ('hf:nobody/nothing', 'nobody/nothing'),
        ('timm:resnet81', 'resnet18'),
        ('torchvision:mobilenetv2', 'mobilenet_v2'),
        ('resnet18', 'timm:NAME'),
        ('mmdet:fcos/fcos_r50-caffe_fpn_gn-head_1x_coco', 'TorchvisionTask'),
        ('configs/denoise/multiscale_sigma25.py', 'model.task'),
    ],
)
def test_an_unknown_network_is_named(name, said):
    if name.startswith('hf:'):
        pytest.importorskip('transformers', reason='the extra `transformers` is not installed')
    with pytest.raises(UserError, match=said):
        named_task(name)


def test_a_config_may_say_how_photos_are_prepared(tmp_path):
    own = tmp_path / 'own.py'
    own.write_text(
        "_base_ = 'semrestore::joint/own_photos.py'\n"
        "train = [dict(type='LoadPhoto'), dict(type='mmpretrain.RandomCrop', crop_size=(24, 96))]\n"
        'train_dataloader = dict(dataset=dict(dataset=dict(pipeline=train)))\n'
    )
    named = named_task(str(own))
    assert [step['type'] for step in named.train_pipeline] == ['LoadPhoto', 'mmpretrain.RandomCrop']
    assert named.test_pipeline[2] == dict(type='mmpretrain.CenterCrop', crop_size=224)
    loads = dict(type='LoadPhoto', channel_order='bgr')
    own.write_text(
        own.read_text().replace("dict(type='LoadPhoto')", str(loads))
        + f'test = [{loads}]\nval_dataloader = test_dataloader = dict(dataset=dict(pipeline=test))\n'
        + "model = dict(data_preprocessor=dict(channel_order='bgr'))\n"
    )
    assert named_task(str(own)).preprocessor['channel_order'] == 'bgr'
    embedded = named_task('semrestore::embedded/joint_efficientnet_lite0_sigma30.py')
    assert not embedded.train_pipeline  # made for whole photos of other sizes


def test_weights_that_are_not_there_are_named(tmp_path):
    with pytest.raises(UserError, match=r'nowhere\.pth'):
        named_task('torchvision:resnet18', 'nowhere.pth')
    with pytest.raises(UserError, match='efficientnet-lite1'):  # named by mistake: it has no suffix
        named_task('timm:tf_efficientnet_lite1', 'efficientnet-lite11')
    (tmp_path / 'weights').touch()  # a file's name needs no suffix
    for known in ('random', 'https://example.org/a.pth', str(tmp_path / 'weights')):
        assert named_task('torchvision:resnet18', known).task['checkpoint'] == known


def test_photos_are_held_out_always_the_same_and_none_is_in_both(folder, tmp_path):
    split = split_photos(folder)
    assert split == split_photos(folder)
    assert split.held_out == [1, 8, 9, 12, 13, 15, 16, 23]  # a change would train on what earlier runs held out
    assert sorted([*split.train, *split.held_out]) == list(range(24))
    with pytest.raises(UserError, match='nowhere'):
        split_photos(tmp_path / 'nowhere')
    for path in list(folder.iterdir())[:10]:
        path.unlink()
    with pytest.raises(UserError, match='14 photos'):
        split_photos(folder)


def test_a_noise_is_known_by_its_name():
    assert noise_config('25') == dict(type='GaussianNoise', sigma=(25.0, 25.0), grey=True)
    assert noise_config('0-60')['sigma'] == (0.0, 60.0)
    assert noise_config('camera')['type'] == 'DegradationChain'
    assert noise_config('configs/_base_/degradations/poisson_gaussian.py')['type'] == 'PoissonGaussianNoise'
    for wrong in ('cmaera', '60-0', '300'):
        with pytest.raises(UserError, match=wrong):
            noise_config(wrong)


@pytest.mark.slow
@pytest.mark.parametrize(
    'name', ['hf', 'torchvision:lraspp_mobilenet_v3_large', 'torchvision:ssdlite320_mobilenet_v3_large']
)
def test_a_check_and_a_fit_take_networks_of_any_kind(name, folder, tiny_vit, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(semrestore.config.named, 'MAP_SIDE', 96)
    monkeypatch.setattr(semrestore.fitting, 'CROP', 48)
    arguments = [f'hf:{tiny_vit}'] if name == 'hf' else [name, '--checkpoint', 'random']
    arguments += ['--photos', str(folder)]
    if name == 'hf':  # a fit ends with a check
        assert run(check.main, arguments) == 0
        assert 'multiscale-blind' in capsys.readouterr().out
    assert run(fit.main, [*arguments, '--iterations', '1', '--out', str(tmp_path / 'mine.safetensors')]) == 0
    printed = capsys.readouterr().out
    assert ('published weights' if name == 'hf' else 'weights random') in printed
    assert 'fitted' in printed


def test_noise_that_is_not_white_starts_from_weights_that_know_it():
    white = [text.partition('=')[0] for text in published_for(noise_config('0-60'))]
    camera = [text.partition('=')[0] for text in published_for(noise_config('camera'))]
    assert white == ['multiscale-blind', 'recognition-blind']
    assert camera == [*white, 'multiscale-real', 'recognition-universal']


def test_a_fitted_denoiser_is_kept_if_the_comparison_fails(folder, tmp_path, capsys, monkeypatch):
    damaged = sorted(folder.iterdir())[split_photos(folder).held_out[0]]
    damaged.write_bytes(damaged.read_bytes()[:2000])
    with open(folder / 'huge.png', 'wb') as file:  # more than Pillow opens
        file.write(b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', struct.pack('>IIBBBBB', 20000, 20000, 8, 2, 0, 0, 0)))

    def train(cfg):  # in place of a training
        state = {f'denoiser.{key}': value for key, value in load_denoiser('recognition-blind').state_dict().items()}
        torch.save(dict(state_dict=state), f'{cfg.work_dir}/iter_{cfg.train_cfg.max_iters}.pth')

    monkeypatch.setattr(semrestore.fitting, 'train', train)
    out = tmp_path / 'mine.safetensors'
    arguments = ['torchvision:mobilenet_v2', '--checkpoint', 'random', '--photos', str(folder), '--iterations', '2']
    assert run(fit.main, [*arguments, '--out', str(out)]) == 2
    assert damaged.name in capsys.readouterr().err
    assert load_denoiser(out)(torch.rand(1, 3, 32, 32)).shape == (1, 3, 32, 32)


@pytest.mark.slow
def test_a_fit_writes_a_denoiser_its_config_its_figures_and_a_picture(folder, tmp_path, capsys, monkeypatch):
    noisy = tmp_path / 'noisy'
    noisy.mkdir()
    rng = np.random.default_rng(0)
    for path in folder.iterdir():
        image = np.asarray(Image.open(path), float)
        Image.fromarray((image + rng.normal(0, 20, image.shape)).clip(0, 255).astype(np.uint8)).save(noisy / path.name)
    out = tmp_path / 'mine.safetensors'
    monkeypatch.setattr(semrestore.fitting, 'CROP', 48)
    arguments = ['timm:tf_efficientnet_lite0', '--photos', str(folder)]
    end = ['--noise-like', str(noisy), '--iterations', '4', '--out', str(out)]
    assert run(fit.main, [*arguments, *end]) == 0
    printed = capsys.readouterr().out
    assert 'fitted' in printed
    document = json.loads(out.with_suffix('.json').read_text())
    assert document['iterations'] == 4
    records = {record['method']: record for record in document['records']}
    assert {'noisy', 'multiscale-blind', 'fitted'} <= records.keys()
    assert records['fitted']['images'] == 8
    assert records['fitted']['psnr'] > records['noisy']['psnr'] + 3
    assert load_denoiser(out)(torch.rand(1, 3, 32, 32)).shape == (1, 3, 32, 32)
    with safe_open(out, 'pt') as file:
        assert 'MultiScaleDenoiser' in str(file.metadata())
    cfg = load_config(out.with_suffix('.py'))
    assert cfg.train_cfg.max_iters == 4
    level = cfg.model.degradation.choices[0]
    assert 255 * (0.5 * level.gain + level.read**2) ** 0.5 == pytest.approx(20, rel=0.15)
    assert Image.open(out.with_suffix('.png')).width > 500
    assert run(fit.main, [*arguments, *end]) == 2  # nothing is replaced
    assert '--overwrite' in capsys.readouterr().err
    figures = tmp_path / 'check.json'
    end = ['--noise', '20', '--denoisers', f'mine={out}', '--out', str(figures)]
    assert run(check.main, [*arguments, *end]) == 0
    assert 'mine' in capsys.readouterr().out
    assert [one['images'] for one in json.loads(figures.read_text())['records'] if one['method'] == 'mine'] == [8]
    shutil.rmtree(noisy)
    assert run(check.main, [*arguments, '--noise-like', str(noisy)]) == 2

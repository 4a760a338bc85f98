"""Networks of transformers as tasks: their own scores and labels, from tiny networks in folders."""

import copy
import json
import sys

import numpy as np
import pytest
import torch
from mmengine.structures import BaseDataElement, InstanceData, PixelData
from mmpretrain.structures import DataSample
from mmseg.structures import SegDataSample
from PIL import Image

import semrestore
from semrestore.cli import cross_task
from semrestore.cli.run import run
from semrestore.denoisers import MultiScaleDenoiser
from semrestore.errors import UserError
from semrestore.registry import MODELS
from semrestore.tasks import TransformersTask
from semrestore.testing import check_loss, check_task
from tests.common import CLASSIFIER, train

transformers = pytest.importorskip('transformers', reason='the extra `transformers` is not installed')

TINY = dict(hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24, patch_size=8)
TEXT = dict(
    hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=24, max_position_embeddings=16
)
SQUARE = dict(size=dict(height=32, width=32))


def vit():
    config = transformers.ViTConfig(**TINY, image_size=32, num_labels=7)
    return transformers.ViTForImageClassification(config), transformers.ViTImageProcessor(**SQUARE)


def resnet():
    config = transformers.ResNetConfig(
        embedding_size=8, hidden_sizes=[8, 8], depths=[1, 1], layer_type='basic', num_labels=7
    )
    processor = transformers.ConvNextImageProcessor(size=dict(shortest_edge=32), crop_pct=0.875)
    return transformers.ResNetForImageClassification(config), processor


def segformer():
    config = transformers.SegformerConfig(
        hidden_sizes=[8, 8, 8, 8], depths=[1] * 4, num_attention_heads=[1] * 4, decoder_hidden_size=8, num_labels=5
    )
    return transformers.SegformerForSemanticSegmentation(config), transformers.SegformerImageProcessor(
        size=dict(height=64, width=64)
    )


def yolos():
    config = transformers.YolosConfig(**TINY, image_size=[64, 96], num_detection_tokens=6, num_labels=3)
    processor = transformers.YolosImageProcessor(size=dict(shortest_edge=64, longest_edge=96))
    return transformers.YolosForObjectDetection(config), processor


def detr():
    backbone = transformers.ResNetConfig(
        embedding_size=8, hidden_sizes=[8, 8, 8, 8], depths=[1] * 4, layer_type='basic', out_features=['stage4']
    )
    config = transformers.DetrConfig(
        use_timm_backbone=False,
        use_pretrained_backbone=False,
        backbone=None,
        backbone_config=backbone,
        num_queries=5,
        d_model=16,
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=16,
        decoder_ffn_dim=16,
        num_labels=3,
    )
    processor = transformers.DetrImageProcessor(size=dict(shortest_edge=64, longest_edge=96))
    return transformers.DetrForObjectDetection(config), processor


def dpt():
    config = transformers.DPTConfig(
        **{**TINY, 'num_hidden_layers': 4},
        image_size=32,
        backbone_out_indices=[0, 1, 2, 3],
        neck_hidden_sizes=[8] * 4,
        fusion_hidden_size=8,
    )
    return transformers.DPTForDepthEstimation(config), transformers.DPTImageProcessor(**SQUARE)


def dinov2():
    config = transformers.Dinov2Config(
        hidden_size=16, num_hidden_layers=2, num_attention_heads=2, image_size=32, patch_size=8
    )
    return transformers.Dinov2Model(config), transformers.BitImageProcessor(
        size=dict(shortest_edge=36), crop_size=dict(height=32, width=32)
    )


def clip_vision():
    config = transformers.CLIPVisionConfig(**TINY, image_size=32)
    return transformers.CLIPVisionModel(config), transformers.CLIPImageProcessor(
        size=dict(shortest_edge=32), crop_size=dict(height=32, width=32)
    )


NETWORKS = dict(vit=vit, resnet=resnet, segformer=segformer, yolos=yolos, detr=detr, dpt=dpt, dinov2=dinov2)
NETWORKS['clip_vision'] = clip_vision


@pytest.fixture(scope='session')
def saved(tmp_path_factory):
    """Save a tiny network of random weights with its processor, and return the folder."""
    folder = tmp_path_factory.mktemp('transformers')

    def save(name):
        if not (folder / name).is_dir():
            torch.manual_seed(0)
            for part in NETWORKS[name]():
                part.save_pretrained(folder / name)
        return str(folder / name)

    return save


@pytest.fixture(scope='session')
def clip(tmp_path_factory):
    """Save a tiny CLIP with a tokenizer that knows the letters, and return the folder."""
    folder = tmp_path_factory.mktemp('clip')
    letters = 'abcdefghijklmnopqrstuvwxyz'
    words = [*letters, *(f'{letter}</w>' for letter in letters), '<|startoftext|>', '<|endoftext|>']
    (folder / 'vocab.json').write_text(json.dumps({word: number for number, word in enumerate(words)}))
    (folder / 'merges.txt').write_text('#version: 0.2\n')
    tokenizer = transformers.CLIPTokenizer.from_pretrained(folder)
    ends = dict(bos_token_id=len(words) - 2, eos_token_id=len(words) - 1, pad_token_id=len(words) - 1)
    torch.manual_seed(0)
    network = transformers.CLIPModel(
        transformers.CLIPConfig(
            text_config=dict(**TEXT, vocab_size=len(words), **ends),
            vision_config=dict(**TINY, image_size=32),
            projection_dim=16,
        )
    )
    _, processor = clip_vision()
    for part in (network, processor, tokenizer):
        part.save_pretrained(folder)
    return str(folder)


@pytest.fixture
def photo():
    """A smooth one: a processor rounds and clips what it has resized to 8 bits, a task does not."""
    coarse = np.random.default_rng(0).integers(60, 200, (6, 9, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((90, 61), Image.Resampling.BICUBIC)


def batch_of(photo):
    return torch.from_numpy(np.array(photo)).permute(2, 0, 1)[None] / 255


@torch.no_grad()
@pytest.mark.parametrize('name', ['vit', 'resnet', 'segformer', 'dinov2', 'clip_vision', 'dpt'])
def test_scores_are_transformers_own(saved, photo, name):
    folder = saved(name)
    task = TransformersTask(folder)
    processor = transformers.AutoImageProcessor.from_pretrained(folder)
    network, _ = NETWORKS[name]()
    network = type(network).from_pretrained(folder).eval()
    given = processor(images=photo, return_tensors='pt')['pixel_values']
    pixels = task.preprocess(batch_of(photo))
    torch.testing.assert_close(pixels, given, rtol=0, atol=1 / 255 / 0.22)  # a step of 8 bits, over the least std
    expected = network(pixel_values=pixels)[0]
    torch.testing.assert_close(task.run(batch_of(photo)).view_as(expected), expected, rtol=0, atol=1e-4)


@torch.no_grad()
@pytest.mark.parametrize('name', ['vit', 'resnet'])
def test_a_file_has_the_label_that_a_pipeline_gives_it(saved, photo, tmp_path, name):
    photo.save(tmp_path / 'photo.png')
    (best, *_) = transformers.pipeline('image-classification', model=saved(name))(str(tmp_path / 'photo.png'))
    task = TransformersTask(saved(name))
    (found,) = task.predict(batch_of(Image.open(tmp_path / 'photo.png')), [DataSample()])
    assert task.network.config.id2label[found.pred_label.item()] == best['label']
    assert found.pred_score.max().item() == pytest.approx(best['score'], abs=5e-3)


@torch.no_grad()
def test_clip_classifies_by_prompts_as_its_pipeline_does(clip, photo, tmp_path):
    photo.save(tmp_path / 'photo.png')
    prompts = ['a cat', 'a dog', 'noise']
    classify = transformers.pipeline('zero-shot-image-classification', model=clip)
    expected = classify(str(tmp_path / 'photo.png'), candidate_labels=prompts, hypothesis_template='{}')
    task = TransformersTask(clip, prompts=prompts)
    (found,) = task.predict(batch_of(photo), [DataSample()])
    assert task.num_classes == 3
    for one in expected:
        assert found.pred_score[prompts.index(one['label'])].item() == pytest.approx(one['score'], abs=5e-3)


@torch.no_grad()
@pytest.mark.parametrize('name', ['detr', 'yolos'])
def test_boxes_are_those_of_its_pipeline(saved, photo, name):
    detect = transformers.pipeline('object-detection', model=saved(name), threshold=0.05)
    expected = detect(photo)
    (found,) = TransformersTask(saved(name)).detect(batch_of(photo))
    assert len(found) == len(expected) > 0
    corners = [[box['box'][key] for key in ('xmin', 'ymin', 'xmax', 'ymax')] for box in expected]
    names = detect.model.config.id2label
    np.testing.assert_allclose(found.bboxes.tolist(), corners, atol=2)
    assert [names[label] for label in found.labels.tolist()] == [box['label'] for box in expected]
    assert found.scores.tolist() == pytest.approx([box['score'] for box in expected], abs=5e-3)


def labelled(name):
    places = [dict(img_path=f'{letter}.png', ori_shape=(40, 48)) for letter in 'ab']
    if name in ('vit', 'resnet', 'clip'):
        return [DataSample(metainfo=place).set_gt_label(2) for place in places]
    if name == 'segformer':
        mask = torch.randint(0, 5, (1, 40, 48))
        return [SegDataSample(metainfo=place, gt_sem_seg=PixelData(data=mask)) for place in places]
    if name == 'dpt':
        depth = PixelData(data=torch.rand(1, 40, 48))
        return [BaseDataElement(metainfo=place, gt_depth_map=depth) for place in places]
    boxes = InstanceData(bboxes=torch.tensor([[4.0, 5, 30, 35]]), labels=torch.tensor([1]))
    return [BaseDataElement(metainfo=place, gt_instances=boxes) for place in places]


@pytest.mark.parametrize('name', ['vit', 'resnet', 'segformer', 'detr', 'yolos', 'dpt'])
def test_it_keeps_the_contract_of_a_task(saved, name):
    check_task(TransformersTask(saved(name)), torch.rand(2, 3, 40, 48), labelled(name))


@torch.no_grad()
def test_a_detectors_loss_is_its_own_on_boxes_as_centre_and_size_of_the_image(saved):
    task = TransformersTask(saved('detr'))
    images = torch.rand(2, 3, 40, 48)
    # The box 4, 5, 30, 35 of an image 48 wide and 40 high.
    truth = dict(class_labels=torch.tensor([1]), boxes=torch.tensor([[17 / 48, 20 / 40, 26 / 48, 30 / 40]]))
    expected = task.network(pixel_values=task.preprocess(images), labels=[truth, truth]).loss
    found = task.loss(images, labelled('detr'))['loss_det']
    assert found.item() == pytest.approx(expected.item(), rel=1e-5)


@torch.no_grad()
def test_the_loss_of_depth_is_relative_where_the_depth_is_known(saved):
    task = TransformersTask(saved('dpt'))
    task.network.head.head[4].bias.fill_(1.5)  # before the last ReLU, behind which random weights give 0
    images = torch.rand(1, 3, 32, 32)
    predicted = task.run(images)[0]
    truth = 1 + torch.rand_like(predicted)
    truth[:, :20] = 0  # unknown
    expected = (abs(predicted[:, 20:] - truth[:, 20:]) / truth[:, 20:]).mean()
    sample = BaseDataElement(gt_depth_map=PixelData(data=truth))
    assert task.loss(images, [sample])['loss_depth'].item() == pytest.approx(expected.item(), rel=1e-5)
    assert predicted.min() > 1


@torch.no_grad()
def test_the_loss_of_a_segmenter_leaves_out_pixels_of_255(saved):
    task = TransformersTask(saved('segformer'))
    torch.nn.init.normal_(task.network.decode_head.classifier.bias)  # random weights find all classes equally likely
    images = torch.rand(1, 3, 64, 64)
    chances = task.run(images)[0].softmax(0)
    mask = torch.randint(0, 5, (1, *chances.shape[1:]))
    mask[:, :10] = 255
    right = chances[:, 10:].gather(0, mask[:, 10:])
    sample = SegDataSample(gt_sem_seg=PixelData(data=mask))
    expected = -right.log().mean()
    assert task.loss(images, [sample])['loss_seg'].item() == pytest.approx(expected.item(), rel=1e-4)


def test_clip_keeps_the_contract_of_a_task(clip):
    check_task(TransformersTask(clip, prompts=['a', 'b', 'c']), torch.rand(2, 3, 40, 48), labelled('clip'))


@pytest.mark.parametrize('name', ['dinov2', 'clip_vision'])
def test_a_backbone_gives_features(saved, name):
    task = TransformersTask(saved(name))
    layer = next(name for name, _ in task.network.named_modules() if name.endswith(('layers.0', 'layer.0')))
    check_loss(MODELS.build(dict(type='PerceptualLoss', layers=layer)), task)
    with pytest.raises(UserError, match='PerceptualLoss'):
        task.predict(torch.rand(1, 3, 32, 32), [DataSample()])


def test_a_training_through_features_alone_can_be_validated(saved, build_cascade, batch):
    task = dict(type='TransformersTask', network=str(saved('dinov2')))
    layer = next(name for name, _ in TransformersTask(task['network']).network.named_modules() if 'layer.0' in name)
    losses = dict(reconstruction=dict(type='ReconstructionLoss'), features=dict(type='PerceptualLoss', layers=layer))
    for supervision in ('self', 'labels'):
        cascade = build_cascade(task=task, losses=losses, supervision=supervision)
        assert all(sample.restored.shape == sample.clean.shape for sample in cascade.eval().test_step(batch))


def test_images_may_keep_their_size(saved):
    task = TransformersTask(saved('vit'), resize=False)
    assert task.preprocess(torch.rand(1, 3, 40, 48)).shape == (1, 3, 40, 48)
    assert task.run(torch.rand(1, 3, 40, 48)).shape == (1, 7)


def test_soft_labels(saved):
    task = TransformersTask(saved('vit'))
    images = torch.rand(1, 3, 32, 32, requires_grad=True)
    task.soft_loss(images, task.run(torch.rand(1, 3, 32, 32)).detach())['loss_soft'].backward()
    assert images.grad.abs().sum() > 0


def test_random_weights_come_from_the_config_alone(saved):
    one, other = (TransformersTask(saved('vit'), 'random').network.state_dict() for _ in range(2))
    assert any(not torch.equal(one[key], other[key]) for key in one)


def test_networks_of_several_libraries_stand_in_one_cascade(saved, build_cascade, batch):
    tasks = dict(
        vit=dict(type='TransformersTask', network=saved('vit')),
        detr=dict(type='TransformersTask', network=saved('detr')),
        resnet=dict(type='TorchvisionTask', model='resnet18', checkpoint='random'),
        mobilenet=dict(type='OpenMMLabTask', model=CLASSIFIER, checkpoint='random'),
        features=dict(type='TransformersTask', network=saved('clip_vision')),
    )
    losses = {name: dict(type='TaskLoss', task=name) for name in tasks if name != 'features'}
    losses['features'] = dict(type='PerceptualLoss', task='features', layers='encoder.layers.0')
    cascade = build_cascade(losses=losses, task=None, tasks=tasks, supervision='self')
    before = {name: copy.deepcopy(task.state_dict()) for name, task in cascade.tasks.items()}
    (logged,) = train(cascade, batch, steps=1)
    assert {f'loss_{name}' for name in tasks} <= set(logged)
    for name, task in cascade.tasks.items():
        assert all(torch.equal(value, before[name][key]) for key, value in task.state_dict().items())


@torch.no_grad()
@pytest.mark.parametrize('normalised', [True, False])
def test_a_denoiser_before_a_network_takes_its_processor(saved, normalised):
    network = transformers.AutoModelForImageClassification.from_pretrained(saved('vit')).eval()
    processor = transformers.AutoImageProcessor.from_pretrained(saved('vit'), do_normalize=normalised)
    robust = semrestore.DenoiseBefore(network, 'multiscale-sigma25', transforms=processor).eval()
    images = torch.rand(1, 3, 32, 32)
    restored = semrestore.load_denoiser('multiscale-sigma25')(images)
    given, expected = (
        processor(images=list(each), do_rescale=False, return_tensors='pt')['pixel_values']
        for each in (images, restored)
    )
    found = robust(pixel_values=given).logits
    torch.testing.assert_close(found, network(expected).logits, rtol=1e-3, atol=1e-3)


def test_before_a_network_of_bgr_images_the_denoiser_sees_rgb():
    processor = transformers.MobileViTImageProcessor(do_resize=False, do_center_crop=False)
    seen = []

    class Watched(MultiScaleDenoiser):
        def forward(self, noisy, sigma=None):
            seen.append(noisy)
            return noisy

    robust = semrestore.DenoiseBefore(torch.nn.Identity(), Watched(num_scales=2), transforms=processor)
    photo = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    given = processor(images=list(photo), do_rescale=False, return_tensors='pt')['pixel_values']
    torch.testing.assert_close(robust(given), given)
    torch.testing.assert_close(seen[-1], photo)


@pytest.mark.parametrize('normalised', [True, False])
@pytest.mark.parametrize('again', [True, False])
def test_the_denoiser_sees_the_photo_behind_a_processor_that_divides_by_std_twice(again, normalised):
    seen = []

    class Watched(MultiScaleDenoiser):
        def forward(self, noisy, sigma=None):
            seen.append(noisy)
            return noisy

    processor = transformers.EfficientNetImageProcessor(
        do_resize=False, include_top=again, do_normalize=normalised, image_mean=[0.5, 0.4, 0.3], image_std=[0.5] * 3
    )
    robust = semrestore.DenoiseBefore(torch.nn.Identity(), Watched(num_scales=2), transforms=processor)
    photo = np.random.default_rng(0).integers(0, 256, (3, 32, 32), np.uint8)
    given = processor(images=[photo], return_tensors='pt')['pixel_values']
    torch.testing.assert_close(robust(given), given)
    torch.testing.assert_close(seen[-1][0], torch.from_numpy(photo) / 255)


@pytest.mark.parametrize(
    ('key', 'value'), [('do_rescale', False), ('rescale_factor', 1 / 127.5), ('rescale_offset', True)]
)
def test_a_processor_that_leaves_images_on_another_scale_is_refused(key, value):
    network, processor = torch.nn.Identity(), transformers.EfficientNetImageProcessor(**{key: value})
    with pytest.raises(UserError, match=key):
        semrestore.DenoiseBefore(network, 'multiscale-sigma25', transforms=processor)
    mean, std = processor.image_mean, processor.image_std
    semrestore.DenoiseBefore(network, 'multiscale-sigma25', mean, std, transforms=processor)  # the user knows better


def test_what_cannot_be_had_is_named(saved, clip, tmp_path, monkeypatch):
    with pytest.raises(UserError, match='nobody/nothing'):
        TransformersTask('nobody/nothing')
    with pytest.raises(UserError, match=r"checkpoint.*'a\.pth'"):
        TransformersTask(saved('vit'), 'a.pth')
    with pytest.raises(UserError, match='captions'):
        TransformersTask(saved('vit'), kind='captions')
    monkeypatch.setitem(sys.modules, 'transformers', None)
    with pytest.raises(UserError, match=r'semrestore\[transformers\]'):
        TransformersTask(saved('vit'))


def test_it_stands_in_the_matrix(saved, tmp_path, request):
    (tmp_path / 'vit.py').write_text(f"""
_base_ = '{request.config.rootpath}/configs/embedded/joint_efficientnet_lite0_sigma30.py'
model = dict(
    denoiser=dict(encoder_channels=8, decoder_channels=8),
    supervision='self',
    task=dict(_delete_=True, type='TransformersTask', network='{saved('vit')}'),
)
test_dataloader = dict(dataset=dict(view=64, stride=200, indices=4))
log_level = 'ERROR'
""")
    arguments = ['--tasks', str(tmp_path / 'vit.py'), '--denoisers', 'noisy', 'clean', '--sigma', '60']
    assert run(cross_task.main, [*arguments, '--out', str(tmp_path / 'out')]) == 0
    records = json.loads((tmp_path / 'out/matrix.json').read_text())['records']
    found = {(record['method'], record['metric']): record['value'] for record in records}
    assert found['clean', 'top-1'] == 100  # the labels are its own on the clean images
    assert 0 <= found['noisy', 'top-1'] <= found['noisy', 'top-5'] <= 100


@pytest.mark.parametrize(
    'scaling',
    [dict(), dict(rescale_factor=1 / 127.5), dict(do_rescale=False, do_normalize=False), dict(image_std=[1] * 3)],
)
def test_pixels_are_scaled_as_the_processor_scales_them(tmp_path, scaling):
    network, _ = vit()
    network.save_pretrained(tmp_path)
    processor = transformers.ViTImageProcessor(**SQUARE, **scaling)
    processor.save_pretrained(tmp_path)
    image = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    expected = processor(images=[image], return_tensors='pt')['pixel_values'].float()
    prepared = TransformersTask(str(tmp_path)).preprocess(torch.from_numpy(image).permute(2, 0, 1)[None] / 255)
    torch.testing.assert_close(prepared, expected, rtol=1e-5, atol=1e-5)

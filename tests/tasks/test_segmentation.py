"""mmseg's models as frozen tasks: as mmseg itself runs them, padded, and in a whole cascade."""

import copy

import pytest
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from semrestore.config import load_config
from semrestore.config.libraries import library_model
from semrestore.errors import UserError
from semrestore.registry import MODELS

FAST_SCNN = 'mmseg::fastscnn/fast_scnn_8xb4-160k_cityscapes-512x1024.py'


@pytest.fixture(scope='module')
def model():
    """mmseg's own config, padding to multiples of 32 in training and testing."""
    torch.manual_seed(0)
    model = library_model(FAST_SCNN)
    model.data_preprocessor.update(size=None, size_divisor=32, test_cfg=dict(size_divisor=32))
    return model


@pytest.fixture(scope='module')
def task(model):
    task = MODELS.build(
        dict(type='OpenMMLabTask', model=copy.deepcopy(model), checkpoint='random', fold_batch_norm=False)
    )
    # Of random weights, one class would win everywhere.
    torch.nn.init.normal_(task.network.decode_head.conv_seg.weight, std=10)
    return task


def samples(image, count=1, size=None, **metainfo):
    height, width = image.shape[-2:]
    label = torch.randint(0, 19, (1, *(size or (height, width))))
    label[0, :3] = 255
    meta = dict(img_path='x.png', ori_shape=size or (height, width), img_shape=(height, width), **metainfo)
    return [SegDataSample(metainfo=meta, gt_sem_seg=PixelData(data=label.clone())) for _ in range(count)]


def as_mmseg_runs_it(task, image, data_samples, training):
    data = dict(inputs=[255 * image[0].flip(0)], data_samples=copy.deepcopy(data_samples))  # BGR, 0..255
    data = task.network.data_preprocessor(data, training)
    return task.network(data['inputs'], data['data_samples'], mode='loss' if training else 'predict')


@torch.no_grad()
@pytest.mark.parametrize('size', [(96, 128), (70, 90)])
def test_predictions_are_mmsegs_at_the_annotations_size(task, photos, size):
    image = photos['coffee'][None, :, : size[0], : size[1]]
    data_samples = samples(image, size=(150, 200))
    expected = as_mmseg_runs_it(task, image, data_samples, training=False)[0].pred_sem_seg.data
    (predicted,) = task.predict(image, data_samples)
    assert predicted.pred_sem_seg.data.shape == (1, 150, 200)
    assert len(expected.unique()) > 1
    assert (predicted.pred_sem_seg.data == expected).double().mean() > 0.9999


@torch.no_grad()
@pytest.mark.parametrize('size', [(96, 128), (70, 90)])
def test_losses_are_mmsegs_with_padding_and_leave_the_labels_as_they_were(task, photos, size):
    image = photos['coffee'][None, :, : size[0], : size[1]]
    data_samples = samples(image)
    expected = as_mmseg_runs_it(task, image, data_samples, training=True)
    losses = task.loss(image, data_samples)
    assert {name: value.item() for name, value in losses.items()} == pytest.approx(
        {name: value.item() for name, value in expected.items()}, rel=1e-4
    )
    assert data_samples[0].gt_sem_seg.shape == size


def test_gradients_reach_the_image(task, photos):
    image = photos['coffee'][None, :, :96, :128].clone().requires_grad_()
    sum(value for name, value in task.loss(image, samples(image)).items() if 'loss' in name).backward()
    assert image.grad.abs().sum() > 0


@torch.no_grad()
def test_a_self_label_is_the_prediction_at_the_images_own_size_unflipped(task, photos):
    image = photos['coffee'][None, :, :70, :90]
    # As a crop of a mirrored photo comes from mmseg's pipeline.
    data_samples = samples(image, size=(150, 200), flip=True, flip_direction='horizontal')
    (labelled,) = task.self_label(image, data_samples)
    expected = as_mmseg_runs_it(task, image, samples(image), training=False)[0].pred_sem_seg.data
    assert torch.equal(labelled.gt_sem_seg.data, expected)
    assert 'pred_sem_seg' not in labelled
    # Judged by its own label, the network is right everywhere.
    (judged,) = task.predict(image, [labelled])
    assert torch.equal(judged.pred_sem_seg.data, expected)
    assert judged.metainfo['img_path'] == 'x.png'


def test_a_class_that_the_network_does_not_know_is_named(task):
    (sample,) = samples(torch.zeros(1, 3, 8, 8))
    task.check_labels([sample])  # 255 is void
    sample.gt_sem_seg.data[0, 5, 5] = 19
    with pytest.raises(UserError, match=r'gt_sem_seg.*x\.png.*19.*18'):
        task.check_labels([sample])


@pytest.mark.parametrize('size', [(96, 128), (70, 90)])
@pytest.mark.parametrize('supervision', ['labels', 'self', 'soft'])
def test_a_segmenter_trains_a_denoiser(model, photos, supervision, size):
    cascade = MODELS.build(
        dict(
            type='Cascade',
            denoiser=dict(type='MultiScaleDenoiser', encoder_channels=8, decoder_channels=8),
            degradation=dict(type='GaussianNoise', sigma=30),
            losses=dict(
                perceptual=dict(type='PerceptualLoss', layers='backbone.learning_to_downsample.dsconv2', weight=0.5),
                task=dict(type='TaskLoss', weight=0.5),
            ),
            task=dict(type='OpenMMLabTask', model=copy.deepcopy(model), checkpoint='random'),
            supervision=supervision,
        )
    )
    image = photos['coffee'][:, : size[0], : size[1]]
    data = dict(inputs=(torch.stack([image, image]) * 255).to(torch.uint8), data_samples=samples(image, 2))
    data = cascade.data_preprocessor(data, training=True)
    losses = cascade(**data, mode='loss')
    sum(losses.values()).backward()
    assert losses['loss_task'] > 0
    assert cascade.denoiser.tail.weight.grad.abs().sum() > 0
    predictions = cascade.eval()(**data, mode='predict')
    assert predictions[0].pred_sem_seg.data.shape == (1, *size)
    assert predictions[0].restored.shape == (3, *size)


def test_a_config_may_inherit_from_mmseg_and_mmpretrain(tmp_path):
    text = """
_base_ = '{base}'
task = dict(type='OpenMMLabTask', model={{{{_base_.model}}}}, checkpoint='random')
model = dict(
    _delete_=True,
    type='Cascade',
    denoiser=dict(type='Identity'),
    degradation=dict(type='GaussianNoise', sigma=30),
    task=dict(type='OpenMMLabTask', model={{{{_base_.model}}}}, checkpoint='random'),
)
"""
    bases = (
        (FAST_SCNN, 'EncoderDecoder'),
        ('mmpretrain::mobilenet_v2/mobilenet-v2_8xb32_in1k.py', 'ImageClassifier'),
    )
    for base, kind in bases:
        path = tmp_path / 'inherits.py'
        path.write_text(text.format(base=base))
        cfg = load_config(path)
        assert cfg.default_scope == 'semrestore'
        assert not cfg.get('train_dataloader')
        task = MODELS.build(cfg.model).task
        assert type(task.network).__name__ == kind
        # ImageNet's statistics, which both configs print.
        mean, std = torch.tensor([123.675, 116.28, 103.53]), torch.tensor([58.395, 57.12, 57.375])
        torch.testing.assert_close(task.scale.flatten(), 255 / std)
        torch.testing.assert_close(task.shift.flatten(), -mean / std)
        assert not task.wants_bgr


def test_a_model_without_preprocessing_is_refused():
    with pytest.raises(UserError, match='data_preprocessor'):
        MODELS.build(dict(type='OpenMMLabTask', model='mmpretrain::_base_/models/resnet18.py', checkpoint='random'))


@torch.no_grad()
def test_mmsegs_synchronised_batch_norms_are_folded_too(model):
    folded, kept = (
        MODELS.build(dict(type='OpenMMLabTask', model=copy.deepcopy(model), checkpoint='random', fold_batch_norm=fold))
        for fold in (True, False)
    )
    norms = [
        name
        for name, module in kept.network.named_modules()
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm)
    ]
    # The auxiliary heads of training do not run when an image is looked at.
    assert {name for name in norms if not name.startswith('auxiliary_head')} == set(folded.folded.values())


@pytest.mark.parametrize(
    ('name', 'message'),
    [
        ('mmseg::no/such.py', "'mmseg::no/such.py'"),
        ('nowhere.py', "'nowhere.py'"),
        ('mmseg::_base_/schedules/schedule_20k.py', "'mmseg::_base_/schedules/schedule_20k.py'"),
    ],
)
def test_a_model_config_that_is_not_there_is_named(name, message):
    with pytest.raises(UserError, match=message):
        MODELS.build(dict(type='OpenMMLabTask', model=name, checkpoint='random'))


def test_a_type_that_no_library_has_is_named():
    with pytest.raises(UserError, match='NoSuchThing'):
        MODELS.build(
            dict(type='OpenMMLabTask', model=dict(type='NoSuchThing', data_preprocessor=dict()), checkpoint='random')
        )

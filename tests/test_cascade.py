"""The cascade: the joint loss reaches the denoiser and nothing else, and nothing is computed twice."""

import copy

import pytest
import torch
from mmengine.model import ExponentialMovingAverage
from mmengine.optim import build_optim_wrapper
from mmpretrain.structures import DataSample

from semrestore.errors import UserError
from tests.common import CLASSIFIER, LOSSES, count_passes, train


def snapshot(module):
    return {name: tensor.clone() for name, tensor in module.state_dict().items()}


def test_training_changes_the_denoiser_and_not_one_bit_of_the_task(build_cascade, batch):
    task = dict(type='OpenMMLabTask', model=CLASSIFIER, checkpoint='random', fold_batch_norm=False)
    cascade = build_cascade(task=task)
    task, denoiser = snapshot(cascade.task.network), snapshot(cascade.denoiser)
    train(cascade, batch)
    assert all(torch.equal(tensor, task[name]) for name, tensor in cascade.task.network.state_dict().items())
    assert any(name.endswith('running_mean') for name in task), 'the task has BN statistics that could have moved'
    assert not any(torch.equal(p, denoiser[name]) for name, p in cascade.denoiser.named_parameters() if p.dim() == 4)


def test_no_gradient_is_stored_on_the_task_and_it_stays_in_eval_mode(build_cascade, batch):
    cascade = build_cascade()
    train(cascade, batch, steps=1)
    cascade.train()
    assert all(parameter.grad is None and not parameter.requires_grad for parameter in cascade.task.parameters())
    assert not any(module.training for module in cascade.task.modules())
    assert cascade.denoiser.training


def test_state_dict_is_the_denoisers_alone_and_fits_a_cascade_with_another_task(build_cascade, batch):
    cascade = build_cascade()
    train(cascade, batch)
    state = cascade.state_dict()
    assert set(state) == {f'denoiser.{name}' for name in cascade.denoiser.state_dict()}
    wider = {
        **CLASSIFIER,
        'backbone': dict(type='MobileNetV2', widen_factor=0.25),
        'head': {**CLASSIFIER['head'], 'num_classes': 3},
    }
    other = build_cascade(classifier=wider)
    other.load_state_dict(state, strict=True)
    alone = build_cascade(losses={}, classifier=None)
    alone.load_state_dict(state, strict=True)
    noisy = torch.rand(1, 3, 32, 32)
    assert torch.equal(other.eval()(noisy), cascade.eval()(noisy))


def test_optimizer_and_ema_see_the_denoiser_only(build_cascade):
    cascade = build_cascade()
    wrapper = build_optim_wrapper(cascade, dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=0.1)))
    rows = {id(parameter) for group in wrapper.param_groups for parameter in group['params']}
    assert rows == {id(parameter) for parameter in cascade.denoiser.parameters()}
    ema = ExponentialMovingAverage(cascade)
    assert ema.module.task is cascade.task, 'a frozen network is shared, not copied'
    assert set(ema.module.state_dict()) == set(cascade.state_dict())
    assert copy.deepcopy(cascade).denoiser is not cascade.denoiser


def test_a_move_takes_the_task_along(build_cascade):
    cascade = build_cascade().double()
    assert {parameter.dtype for parameter in cascade.task.parameters()} == {torch.double}
    assert cascade.task.scale.dtype == torch.double


def test_features_can_come_from_another_network(build_cascade, batch):
    wider = {**CLASSIFIER, 'backbone': dict(type='MobileNetV2', widen_factor=0.25)}
    cascade = build_cascade(feature_network=dict(type='OpenMMLabTask', model=wider, checkpoint='random'))
    task, features = count_passes(cascade.task.network), count_passes(cascade.feature_network.network)
    train(cascade, batch, steps=1)
    assert (task.count('conv1'), task.count('layer4')) == (1, 1)
    assert (features.count('conv1'), features.count('layer4')) == (2, 0)
    assert not any(name.startswith('feature_network') for name in cascade.state_dict())


def test_predictions_carry_the_images_and_do_not_depend_on_the_batch(build_cascade, batch):
    cascade = build_cascade().eval()
    together = cascade.test_step(batch)
    single = [
        cascade.test_step(
            dict(inputs=batch['inputs'][index : index + 1], data_samples=batch['data_samples'][index : index + 1])
        )[0]
        for index in (3, 1)
    ]
    for index, sample in ((3, single[0]), (1, single[1])):
        assert torch.equal(sample.noisy, together[index].noisy)
        torch.testing.assert_close(sample.pred_score, together[index].pred_score)
        assert torch.equal(sample.clean, batch['inputs'][index] / 255)
        assert sample.restored.shape == sample.clean.shape


def test_images_of_several_sizes_keep_their_order(build_cascade, photos):
    cascade = build_cascade(losses={}, classifier=None).eval()
    sizes = [(40, 50), (30, 30), (40, 50)]
    images = [(photos['coffee'][:, :h, :w] * 255).to(torch.uint8) for h, w in sizes]
    samples = [DataSample(metainfo=dict(name=name)) for name in 'xyz']
    results = cascade.test_step(dict(inputs=images, data_samples=samples))
    assert [result.name for result in results] == ['x', 'y', 'z']
    assert [tuple(result.restored.shape[1:]) for result in results] == sizes


def test_self_supervision_labels_with_the_prediction_on_the_clean_image(build_cascade, batch):
    cascade = build_cascade(supervision='self').eval()
    clean = cascade.data_preprocessor(batch)['inputs']
    expected = cascade.task.run(clean).argmax(dim=1)
    unlabelled = [DataSample(metainfo=sample.metainfo) for sample in batch['data_samples']]
    predictions = cascade.test_step({**batch, 'data_samples': unlabelled})
    assert [sample.gt_label.item() for sample in predictions] == expected.tolist()
    # Where the data have labels, these are what an evaluation is about.
    assert [sample.gt_label.item() for sample in cascade.test_step(batch)] == [0, 1, 2, 3]


def test_bgr_pipelines_are_turned_to_rgb(build_cascade, batch):
    rgb = build_cascade().data_preprocessor(batch)['inputs']
    bgr = build_cascade(data_preprocessor=dict(type='ImagePreprocessor', channel_order='bgr'))
    assert torch.equal(bgr.data_preprocessor({**batch, 'inputs': batch['inputs'].flip(1)})['inputs'], rgb)
    assert rgb.dtype == torch.float32
    assert rgb.max() <= 1


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        (dict(losses=LOSSES, classifier=None), r'model\.task'),
        (dict(losses={'perceptual': LOSSES['perceptual']}, classifier=None), r'model\.feature_network'),
        (
            dict(losses={'perceptual': dict(type='PerceptualLoss', layers='backbone.layer_2')}),
            r'backbone\.layer_2.*backbone\.layer2',
        ),
    ],
)
def test_a_config_that_cannot_work_is_refused(build_cascade, changes, message):
    with pytest.raises(UserError, match=message):
        build_cascade(**changes)


def test_training_images_of_unequal_size_are_named(build_cascade, batch):
    images = [image for image in batch['inputs']]
    images[2] = images[2][:, :50]
    with pytest.raises(UserError, match=r"'c'.*50 x 64.*64 x 64"):
        build_cascade().data_preprocessor(dict(inputs=images, data_samples=batch['data_samples']), training=True)


@pytest.mark.parametrize('training', [True, False])
def test_a_label_of_no_class_is_named(build_cascade, batch, training):
    batch['data_samples'][1].set_gt_label(7)
    message = r"gt_label.*'b\.png'.*7.*6"
    with pytest.raises(UserError, match=message):
        build_cascade().data_preprocessor(batch, training)
    own = build_cascade(supervision='self').data_preprocessor
    if training:
        own(batch, training)  # which does not look at the data's labels
    else:
        with pytest.raises(UserError, match=message):
            own(batch, training)


def test_a_training_image_without_a_label_is_named(build_cascade, batch):
    batch['data_samples'][2] = DataSample(metainfo=dict(img_path='c.png'))
    with pytest.raises(UserError, match=r"'c'.*supervision='self'"):
        build_cascade().data_preprocessor(batch, training=True)
    build_cascade(losses={'perceptual': LOSSES['perceptual']}).data_preprocessor(batch, training=True)


@pytest.mark.parametrize('missing', [0, 3])
def test_an_evaluation_batch_may_be_labelled_in_part(build_cascade, batch, missing):
    cascade = build_cascade(supervision='self').eval()
    own = cascade.task.run(cascade.data_preprocessor(batch)['inputs']).argmax(1)[missing].item()
    batch['data_samples'][missing] = DataSample(metainfo=batch['data_samples'][missing].metainfo)
    expected = [own if index == missing else index for index in range(4)]
    assert [sample.gt_label.item() for sample in cascade.test_step(batch)] == expected


def test_a_feature_network_is_usable_beside_a_task(build_cascade, batch, photos):
    other = {
        **CLASSIFIER,
        'backbone': dict(type='VGG', depth=11, num_stages=1, dilations=(1,), out_indices=(0,)),
        'neck': None,
        'head': None,
    }
    losses = {**LOSSES, 'perceptual': dict(type='PerceptualLoss', layers='backbone.features.0', weight=0.5)}
    cascade = build_cascade(losses=losses, feature_network=dict(type='OpenMMLabTask', model=other, checkpoint='random'))
    calls = {'task': 0, 'features': 0}
    cascade.task.network.backbone.conv1.register_forward_hook(lambda *_: calls.update(task=calls['task'] + 1))
    cascade.feature_network.network.backbone.features[0].register_forward_hook(
        lambda *_: calls.update(features=calls['features'] + 1)
    )
    losses = cascade(**cascade.data_preprocessor(batch, True), mode='loss')
    sum(losses.values()).backward()
    assert losses['loss_perceptual'] > 0
    assert losses['loss_task'] > 0
    assert calls == {'task': 1, 'features': 2}  # restored alone; restored and clean


def test_a_compiled_denoiser_takes_the_same_step_and_is_not_compiled_for_evaluation(build_cascade, batch, monkeypatch):
    # What the compiler makes of it is PyTorch's; that it is asked for training alone, once, on the denoiser, is ours.
    asked = []

    def compiler(module, **options):
        asked.append((module, options))
        return module

    monkeypatch.setattr(torch, 'compile', compiler)
    torch.manual_seed(0)
    cascade = build_cascade(compile=dict(mode='max-autotune'))
    plain = build_cascade()
    plain.load_state_dict(cascade.state_dict())
    keys = set(cascade.state_dict())
    terms = []
    for each in (cascade, plain):
        object.__setattr__(each, 'task', cascade.task)
        each.train()
        torch.manual_seed(1)
        terms += train(each, batch, steps=2)
    assert asked == [(cascade.denoiser, dict(dynamic=False, mode='max-autotune'))]
    for name, value in terms[1].items():
        torch.testing.assert_close(terms[3][name], value)
    cascade.eval()
    cascade(batch['inputs'] / 255, batch['data_samples'], mode='predict')
    assert len(asked) == 1
    assert set(cascade.state_dict()) == keys
    assert copy.deepcopy(cascade).denoiser is not cascade.denoiser

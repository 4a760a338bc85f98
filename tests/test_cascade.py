"""The cascade: the joint loss reaches the denoiser and nothing else, and nothing is computed twice."""

import copy

import numpy as np
import pytest
import torch
from mmengine.model import ExponentialMovingAverage
from mmengine.optim import build_optim_wrapper
from mmpretrain.structures import DataSample

from semrestore.errors import UserError
from semrestore.registry import METRICS
from tests.common import CLASSIFIER, LOSSES, balance, count_passes, train


def snapshot(module):
    return {name: tensor.clone() for name, tensor in module.state_dict().items()}


def unlabelled(batch):
    return {**batch, 'data_samples': [DataSample(metainfo=sample.metainfo) for sample in batch['data_samples']]}


def clean_and_restored(cascade, batch):
    """Return the two batches of an evaluation."""
    samples = cascade.test_step(unlabelled(batch))
    return tuple(torch.stack([getattr(sample, name) for sample in samples]) for name in ('clean', 'restored'))


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


WIDER = {**CLASSIFIER, 'backbone': dict(type='MobileNetV2', widen_factor=0.25)}


def network(model):
    return dict(type='OpenMMLabTask', model=model, checkpoint='random')


def listening(**tasks):
    """Return LOSSES with the networks that they listen to."""
    return {name: {**loss, **({'task': tasks[name]} if name in tasks else {})} for name, loss in LOSSES.items()}


def test_each_of_several_networks_runs_once_on_the_restored_and_once_on_the_clean_image(build_cascade, batch):
    losses = listening(perceptual='first', task='first') | {
        'second': dict(type='TaskLoss', weight=0.1, task='second'),
        'second features': dict(type='PerceptualLoss', layers='backbone.layer1', task='second', distance='cosine'),
    }
    cascade = build_cascade(
        losses=losses, task=None, tasks=dict(first=network(CLASSIFIER), second=network(WIDER)), supervision='soft'
    )
    first, second = (count_passes(task.network) for task in cascade.tasks.values())
    terms = train(cascade, batch, steps=1)[0]
    assert {name for name in terms if name.startswith('loss_')} == {f'loss_{name}' for name in losses}
    for passes in (first, second):
        assert (passes.count('conv1'), passes.count('layer4')) == (2, 2)
    assert set(cascade.state_dict()) == {f'denoiser.{name}' for name in cascade.denoiser.state_dict()}


def test_the_losses_of_several_networks_are_those_of_each_alone(build_cascade, batch):
    both = dict(first=network(CLASSIFIER), second=network(WIDER))
    losses = {f'{name}_{kind}': dict(LOSSES[kind], task=name) for name in both for kind in ('task',)}
    cascade = build_cascade(losses=losses, task=None, tasks=both, supervision='self').train()
    data = cascade.data_preprocessor(batch, True)
    clean = data['inputs']
    noisy, restored = clean + 0.1, clean + 0.05
    together = cascade.terms(clean, noisy, restored, data['data_samples'])
    for name, task in cascade.tasks.items():
        alone = build_cascade(losses={'task': LOSSES['task']}, supervision='self')
        object.__setattr__(alone, 'tasks', {'task': task})
        expected = alone.terms(clean, noisy, restored, data['data_samples'])['task']
        assert torch.equal(together[f'{name}_task'], expected)


def test_a_network_for_features_alone_runs_no_further_than_they_are(build_cascade, batch):
    cascade = build_cascade(
        losses=listening(perceptual='features', task='classifier'),
        task=None,
        tasks=dict(classifier=network(CLASSIFIER), features=network(WIDER)),
    )
    task, features = (count_passes(one.network) for one in cascade.tasks.values())
    train(cascade, batch, steps=1)
    assert (task.count('conv1'), task.count('layer4')) == (1, 1)
    assert (features.count('conv1'), features.count('layer4')) == (2, 0)


def test_several_networks_judge_each_under_its_name(build_cascade, batch):
    losses = {name: dict(LOSSES['task'], task=name) for name in ('first', 'second')}
    losses['perceptual'] = dict(LOSSES['perceptual'], task='features')
    networks = dict(first=network(CLASSIFIER), second=network(WIDER), features=network(CLASSIFIER))
    cascade = build_cascade(losses=losses, task=None, tasks=networks, supervision='self').eval()
    torch.nn.init.constant_(cascade.denoiser.tail.bias, 0.5)
    clean, restored = clean_and_restored(cascade, batch)
    for name in ('first', 'second'):
        balance(cascade.tasks[name], clean, restored)
    results = cascade.test_step(unlabelled(batch))
    for name in ('first', 'second'):
        scores, labels = cascade.tasks[name].run(restored), cascade.tasks[name].run(clean).argmax(1)
        assert (labels != scores.argmax(1)).any()
        for result, score, label in zip(results, scores, labels, strict=True):
            torch.testing.assert_close(result.get(name).pred_score, score.softmax(0))
            assert result.get(name).gt_label.item() == label
            assert 'features' not in result
    accuracy = dict(type='TaskMetric', task='second', metric=dict(type='mmpretrain.Accuracy'))
    metric = METRICS.build(accuracy)
    metric.process({}, [result.to_dict() for result in results])
    right = [(result.second.pred_label == result.second.gt_label).item() for result in results]
    assert metric.evaluate(4) == {'second/accuracy/top1': pytest.approx(100 * sum(right) / 4)}
    with pytest.raises(UserError, match="'third'"):
        METRICS.build({**accuracy, 'task': 'third'}).process({}, [result.to_dict() for result in results])
    labelled = cascade.test_step(batch)  # the ground truth counts where the data have it
    assert [result.first.gt_label.item() for result in labelled] == [0, 1, 2, 3]


@pytest.mark.parametrize('distance', ['normalised', 'cosine'])
def test_feature_distances(build_cascade, batch, distance):
    layer = LOSSES['perceptual']['layers']
    losses = dict(perceptual=dict(type='PerceptualLoss', layers=layer, distance=distance))
    cascade = build_cascade(losses=losses)
    clean = cascade.data_preprocessor(batch)['inputs']
    restored = clean + 0.05
    value = cascade.terms(clean, clean, restored, batch['data_samples'])['perceptual']
    one, other = (cascade.task.features(images, [layer])[layer].double().numpy() for images in (restored, clean))
    if distance == 'normalised':
        variances = other.var(axis=(0, 2, 3))
        ratios = ((one - other) ** 2).mean(axis=(0, 2, 3)) / (variances + 0.01 * variances.mean())
        expected = ratios.mean()
    else:
        products = (one * other).sum(1) / np.linalg.norm(one, axis=1) / np.linalg.norm(other, axis=1)
        expected = 1 - products.mean()
    assert value.item() == pytest.approx(expected, rel=1e-4)


def test_soft_labels_of_a_temperature(build_cascade, batch):
    cascade = build_cascade(losses={'task': dict(type='TaskLoss')}, supervision='soft', temperature=4.0)
    clean = cascade.data_preprocessor(batch)['inputs']
    restored = 1 - clean
    balance(cascade.task, clean, restored)
    value = cascade.terms(clean, clean, restored, batch['data_samples'])['task']
    scores, labels = (cascade.task.run(images).double() / 4 for images in (restored, clean))
    expected = 16 * -(labels.softmax(1) * scores.log_softmax(1)).sum(1).mean()
    assert value.item() == pytest.approx(expected.item(), rel=1e-5)


def test_predictions_carry_the_images_and_do_not_depend_on_the_batch(build_cascade, batch):
    cascade = build_cascade().eval()
    balance(cascade.task, *clean_and_restored(cascade, batch))
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
        torch.testing.assert_close(sample.pred_score, cascade.task.run(sample.restored[None])[0].softmax(0))
        torch.testing.assert_close(cascade(sample.noisy[None])[0], sample.restored)
        assert torch.equal(sample.clean, batch['inputs'][index] / 255)
        assert sample.restored.shape == sample.clean.shape


def test_noise_of_an_evaluation_follows_from_the_seed_and_the_images_name(build_cascade, batch):
    same = dict(inputs=batch['inputs'][:1].expand(2, -1, -1, -1), data_samples=batch['data_samples'][:2])

    def noisy(seed):
        cascade = build_cascade(losses={}, classifier=None, evaluation_seed=seed).eval()
        return [sample.noisy for sample in cascade.test_step(unlabelled(same))]

    first, again, other = noisy(0), noisy(0), noisy(1)
    assert all(torch.equal(*pair) for pair in zip(first, again, strict=True))
    assert not any(torch.equal(*pair) for pair in zip([*first, first[0]], [*other, first[1]], strict=True))


def test_noise_of_a_training_follows_from_an_images_place_in_the_stream(build_cascade, batch):
    cascade = build_cascade(losses=dict(reconstruction=LOSSES['reconstruction']), classifier=None).train()
    clean = cascade.data_preprocessor(batch)['inputs'][0]
    samples = [DataSample(metainfo=dict(stream_seed=seed)) for seed in (5, 6, 5)]

    def loss(*chosen):
        return cascade.loss(torch.stack([clean] * len(chosen)), chosen)['loss_reconstruction'].item()

    each = [loss(sample) for sample in samples]  # the denoiser hands on what it gets: the loss is that of the noise
    assert each[0] == each[2] != each[1]
    assert loss(*samples) == pytest.approx(sum(each) / 3)


def test_noise_is_the_same_where_networks_compute_in_bfloat16(build_cascade, batch):
    noise = dict(type='MeasuredNoise', gain=0, read=0.1, blur=1)  # it convolves, which is what bfloat16 would change
    cascade = build_cascade(losses={}, classifier=None, degradation=noise).eval()
    plain = cascade.test_step(unlabelled(batch))
    with torch.autocast('cpu', torch.bfloat16):
        half = cascade.test_step(unlabelled(batch))
    assert all(torch.equal(one.noisy, other.noisy) for one, other in zip(plain, half, strict=True))


def test_the_denoiser_is_told_the_level_of_the_noise(build_cascade, batch):
    denoiser = dict(type='FFDNet', depth=2, channels=8)
    cascade = build_cascade(losses={}, classifier=None, denoiser=denoiser).eval()
    for sample in cascade.test_step(batch):
        torch.testing.assert_close(sample.restored, cascade.denoiser(sample.noisy[None], 30 / 255)[0])


def test_images_of_several_sizes_keep_their_order(build_cascade, photos):
    cascade = build_cascade(losses={}, classifier=None).eval()
    sizes = [(40, 50), (30, 30), (40, 50)]
    images = [(photos['coffee'][:, :h, :w] * 255).to(torch.uint8) for h, w in sizes]
    samples = [DataSample(metainfo=dict(name=name)) for name in 'xyz']
    results = cascade.test_step(dict(inputs=images, data_samples=samples))
    assert [result.name for result in results] == ['x', 'y', 'z']
    assert [tuple(result.restored.shape[1:]) for result in results] == sizes


def test_self_labels_of_training_are_the_answers_on_the_clean_image(build_cascade, batch):
    cascade = build_cascade(losses={'task': dict(type='TaskLoss')}, supervision='self')
    clean = cascade.data_preprocessor(batch)['inputs']
    restored = 1 - clean
    balance(cascade.task, clean, restored)
    labels, scores = cascade.task.run(clean).argmax(1), cascade.task.run(restored)
    value = cascade.terms(clean, clean, restored, batch['data_samples'])['task']
    assert value.item() == pytest.approx(torch.nn.functional.cross_entropy(scores, labels).item(), rel=1e-5)
    assert (labels != scores.argmax(1)).any()
    assert labels.tolist() != [0, 1, 2, 3]  # the data's


def test_self_supervision_labels_with_the_prediction_on_the_clean_image(build_cascade, batch):
    cascade = build_cascade(supervision='self').eval()
    torch.nn.init.constant_(cascade.denoiser.tail.bias, 0.5)
    clean, restored = clean_and_restored(cascade, batch)
    balance(cascade.task, clean, restored)
    expected = cascade.task.run(clean).argmax(dim=1)
    predictions = cascade.test_step(unlabelled(batch))
    assert [sample.gt_label.item() for sample in predictions] == expected.tolist()
    assert [sample.pred_label.item() for sample in predictions] != expected.tolist()
    # Where the data have labels, these are what an evaluation is about.
    assert [sample.gt_label.item() for sample in cascade.test_step(batch)] == [0, 1, 2, 3]


def test_a_segmenter_labels_photos_that_only_have_a_class(build_cascade, batch):
    task = dict(
        type='TorchvisionTask', model='lraspp_mobilenet_v3_large', checkpoint='random', arguments=dict(num_classes=3)
    )
    cascade = build_cascade(task=task, losses=None, supervision='self').eval()
    clean = cascade.data_preprocessor(batch)['inputs']
    with torch.no_grad():  # as drawn, all pixels of all images are of one class
        cascade.task.network.classifier.low_classifier.bias -= cascade.task.run(clean).mean((0, 2, 3))
    expected = cascade.task.run(clean).argmax(1)
    predictions = cascade.test_step(batch)  # with gt_label
    assert torch.equal(torch.stack([sample.gt_sem_seg.data[0] for sample in predictions]), expected)
    assert (torch.stack([sample.pred_sem_seg.data[0] for sample in predictions]) != expected).any()


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
        (dict(losses={'perceptual': LOSSES['perceptual']}, classifier=None), r'model\.task'),
        (
            dict(task=None, tasks=dict(one=network(CLASSIFIER), two=network(CLASSIFIER))),
            r'losses\.perceptual.*one or two',
        ),
        (dict(losses={'task': dict(type='TaskLoss', task='tsak')}), "'tsak'.*task"),
        (
            dict(losses={'perceptual': dict(type='PerceptualLoss', layers='backbone.layer_2')}),
            r'backbone\.layer_2.*backbone\.layer2',
        ),
    ],
)
def test_a_config_that_cannot_work_is_refused(build_cascade, changes, message):
    with pytest.raises(UserError, match=message):
        build_cascade(**changes)


@pytest.mark.parametrize('dtype', [torch.float32, torch.float16, torch.int64])
def test_images_that_are_not_of_8_bits_are_refused(build_cascade, batch, dtype):
    images = batch['inputs'].to(dtype)
    for inputs in (images, [images[0], images[1, :, :50]]):
        with pytest.raises(UserError, match=rf'{dtype}.*uint8'):
            build_cascade().data_preprocessor({**batch, 'inputs': inputs})


def test_training_images_of_unequal_size_are_named(build_cascade, batch):
    images = [image for image in batch['inputs']]
    images[2] = images[2][:, :50]
    with pytest.raises(UserError, match=r"'c'.*50 x 64.*64 x 64"):
        build_cascade().data_preprocessor(dict(inputs=images, data_samples=batch['data_samples']), training=True)


@pytest.mark.parametrize('training', [True, False])
def test_a_label_outside_the_classes_is_named(build_cascade, batch, training):
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
    clean, restored = clean_and_restored(cascade, batch)
    balance(cascade.task, clean, restored)
    labels = cascade.task.run(clean).argmax(1).tolist()
    own = labels[missing]
    assert labels.count(own) == 1
    batch['data_samples'][missing] = DataSample(metainfo=batch['data_samples'][missing].metainfo)
    expected = [own if index == missing else index for index in range(4)]
    assert [sample.gt_label.item() for sample in cascade.test_step(batch)] == expected


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
        object.__setattr__(each, 'tasks', cascade.tasks)
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


def test_with_quantise_the_task_sees_what_a_file_would_hold(build_cascade, batch, monkeypatch):
    seen = []
    for quantise in (False, True):
        cascade = build_cascade(quantise=quantise).eval()
        predict = cascade.task.predict
        monkeypatch.setattr(
            cascade.task,
            'predict',
            lambda images, samples, predict=predict: (seen.append(images), predict(images, samples))[1],
        )
        samples = cascade(**cascade.data_preprocessor(batch), mode='predict')
        assert torch.equal(torch.stack([sample.restored for sample in samples]), seen[-1])
    plain, stored = seen
    assert plain.min() < 0 or plain.max() > 1
    assert torch.equal(stored, (plain * 255).round().clamp(0, 255) / 255)

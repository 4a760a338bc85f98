"""Pictures: gradients by finite differences, regions and captions by hand, pages without anything from outside."""

import base64
import csv
import io
import json
import re

import numpy as np
import pytest
import torch
from mmengine.runner import Runner
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from PIL import Image

from semrestore.cli import compare, curves, gradient_maps
from semrestore.cli.run import run
from semrestore.config import load_config
from semrestore.engine import RestorationHook
from semrestore.evaluation import psnr, to_8_bit
from semrestore.visualization.comparison import telling_region
from semrestore.visualization.curves import read_log
from semrestore.visualization.gradients import gini, loss_gradients, summary, top_share
from tests.common import CLASSIFIER

JOINT = 'configs/embedded/joint_efficientnet_lite0_sigma30.py'
WAVELET = 'semrestore::baselines/wavelet_sigma25.py'
MCWNNM = 'semrestore::baselines/mcwnnm_photographs.py'


def test_gradients_are_those_of_finite_differences(build_cascade, batch):
    torch.manual_seed(0)
    cascade = build_cascade().eval().requires_grad_(False).double()
    torch.nn.init.normal_(cascade.denoiser.tail.weight, std=0.05)
    clean, sample = batch['inputs'][0].double() / 255, batch['data_samples'][0]
    noisy, gradients = loss_gradients(cascade, clean, sample)
    assert list(gradients) == ['reconstruction', 'perceptual', 'task']

    def terms(image):
        with torch.no_grad():
            return cascade.terms(clean[None], image[None], cascade.denoiser(image[None]), [sample])

    direction = torch.randn(noisy.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    step = 1e-6
    ahead, behind = terms(noisy + step * direction), terms(noisy - step * direction)
    for name, gradient in gradients.items():
        slope = (ahead[name] - behind[name]).item() / (2 * step)
        assert (gradient * direction).sum().item() == pytest.approx(slope, rel=1e-3, abs=1e-9), name
        assert gradient.abs().sum() > 0


def test_maps_and_pictures_show_each_of_several_networks_by_name(build_cascade, batch):
    task = dict(type='OpenMMLabTask', model=CLASSIFIER, checkpoint='random')
    losses = {name: dict(type='TaskLoss', task=name) for name in ('first', 'second')}
    cascade = build_cascade(losses=losses, task=None, tasks=dict(first=task, second=task)).eval().requires_grad_(False)
    torch.nn.init.normal_(cascade.denoiser.tail.weight, std=0.05)
    _, gradients = loss_gradients(cascade, batch['inputs'][0] / 255, batch['data_samples'][0])
    assert list(gradients) == ['first', 'second']
    assert all(gradient.abs().sum() > 0 for gradient in gradients.values())
    _, *tiles = RestorationHook().tiles(cascade.test_step(batch)[0])
    assert all('first: class' in tile.caption and 'second: class' in tile.caption for tile in tiles)
    assert {tile.good for tile in tiles} == {None}  # a mark could mean either network


def test_concentration_is_counted_by_hand():
    even, single = torch.ones(20, 20), torch.zeros(20, 20)
    single[3, 4] = 7
    assert (top_share(even), top_share(single), top_share(0 * even)) == (pytest.approx(0.05), 1, 0.05)
    assert (gini(even), gini(0 * even)) == (pytest.approx(0, abs=1e-12), 0)
    assert gini(single) == pytest.approx(1 - 1 / 400)
    # Half of the pixels have 3, half 1: the area between the diagonal and the Lorenz curve gives 1/4.
    assert gini(torch.tensor([3.0, 1.0] * 50)) == pytest.approx(0.25)
    rows = [
        dict(image=image, term=term, top_share=value, gini=value)
        for image, a, b in (('x', 0.1, 0.4), ('y', 0.2, 0.15), ('z', 0.3, 0.6))
        for term, value in (('reconstruction', a), ('task', b))
    ]
    found = summary(rows)
    assert found['task']['above_reconstruction'] == pytest.approx(2 / 3)
    assert found['reconstruction']['top_share'] == pytest.approx(0.2)
    assert found['reconstruction']['top_share_std'] == pytest.approx(0.1)


@pytest.mark.slow
def test_gradient_maps_of_photos_become_a_picture_and_figures(tmp_path, capsys):
    arguments = [
        JOINT,
        'zoo:multiscale-sigma30',
        '--embedded',
        '--images',
        '2',
        '--rows',
        '2',
        '--out',
        str(tmp_path / 'maps'),
    ]
    assert run(gradient_maps.main, [*arguments, '--dpi', '60']) == 0
    summary = json.loads((tmp_path / 'maps/gradients.json').read_text())['summary']
    rows = list(csv.DictReader((tmp_path / 'maps/gradients.csv').read_text().splitlines()))
    assert len(rows) == 6
    assert all(0.05 < float(row['top_share']) < 1 and 0 < float(row['gini']) < 1 for row in rows)
    own = [float(row['gini']) for row in rows if row['term'] == 'task']
    assert summary['task']['gini'] == pytest.approx(sum(own) / 2, abs=1e-4)
    assert Image.open(tmp_path / 'maps/gradients.png').width == 5 * 2.4 * 60
    assert run(gradient_maps.main, [*arguments, '--names', 'flower', '--images', '1', '--dpi', '60']) == 0
    rows = csv.DictReader((tmp_path / 'maps/gradients.csv').read_text().splitlines())
    assert {row['image'].partition('@')[0] for row in rows} == {'flower'}
    for bad, message in (
        ([JOINT, 'none.pth', '--embedded', '--out', str(tmp_path)], 'none.pth'),
        (['configs/evaluation/zoo.py', 'zoo:multiscale-sigma30', '--out', str(tmp_path)], 'losses'),
        ([*arguments, '--images', '0'], '--images'),
        ([*arguments[:-1], str(tmp_path / 'maps/gradients.json')], 'gradients.json'),
        (
            [*arguments, '--names', 'nobody'],
            "'nobody'",
        ),
    ):
        assert run(gradient_maps.main, bad) == 2
        assert message in capsys.readouterr().err


def test_the_region_is_where_methods_differ_most():
    images = [torch.full((3, 60, 90), 0.5) for _ in range(3)]
    images[1][:, 30:40, 70:80] = 1.0
    images[2][:, 5:9, 5:9] = 0.6
    top, left, side = telling_region(images, 10)
    assert (top, left, side) == (30, 70, 10)
    assert telling_region(images, 500)[2] == 60


@pytest.fixture
def photo(tmp_path, photo_paths):
    Image.open(photo_paths['coffee']).convert('RGB').crop((200, 60, 300, 140)).save(tmp_path / 'coffee.png')
    return tmp_path / 'coffee.png'


def test_methods_side_by_side_with_a_page_of_their_own(photo, tmp_path):
    arguments = [
        str(photo),
        '--methods',
        'noisy',
        f'waves={WAVELET}',
        'clean',
        '--sigma',
        '25',
        '--out',
        str(tmp_path / 'out'),
    ]
    assert run(compare.main, [*arguments, '--region-side', '24', '--dpi', '100']) == 0
    assert Image.open(tmp_path / 'out/coffee.png').width == 3 * 240
    page = (tmp_path / 'out/comparison.html').read_text()
    assert not re.search(r'(src|href)="(?!data:)', page), 'self-contained'
    assert 'http' not in page.replace('data:image', '')
    (item,) = json.loads(re.search(r'id="data">(.*?)</script>', page, re.DOTALL)[1])
    assert [method['name'] for method in item['methods']] == ['noisy', 'waves', 'clean']
    shown = [
        torch.from_numpy(np.array(Image.open(io.BytesIO(base64.b64decode(method['src'].partition(',')[2]))))).double()
        for method in item['methods']
    ]
    # Of what is shown, which is clipped and rounded, as PSNR is taken.
    for image, method in zip(shown[:2], item['methods'], strict=False):
        assert method['caption'] == f'{psnr(image, shown[2]):.2f} dB'
    assert psnr(shown[1], shown[2]) > psnr(shown[0], shown[2]) + 3
    assert torch.equal(shown[2], to_8_bit(torch.from_numpy(np.array(Image.open(photo)) / 255)))


def test_the_task_network_says_what_it_sees(photo_paths, tmp_path):
    task = 'semrestore::evaluation/efficientnet_lite0_imagenet_samples.py'
    arguments = [
        photo_paths['chelsea'],
        '--methods',
        'noisy',
        'ours=zoo:multiscale-sigma30',
        'clean',
        '--sigma',
        '30',
        '--task',
        task,
    ]
    assert run(compare.main, [*arguments, '--out', str(tmp_path), '--dpi', '50']) == 0
    page = (tmp_path / 'comparison.html').read_text()
    (item,) = json.loads(re.search(r'id="data">(.*?)</script>', page, re.DOTALL)[1])
    captions = {method['name']: method['caption'] for method in item['methods']}
    assert 'cat' in captions['clean'], 'chelsea is a cat'
    assert all('✓' in captions[name] or '✗' in captions[name] for name in ('noisy', 'ours'))


def test_segmentations_are_laid_over_the_images(photo, tmp_path):
    task = tmp_path / 'task.py'
    task.write_text(
        "_base_ = 'semrestore::evaluation/deeplabv3_mobilenetv2_voc2012.py'\nmodel ="
        " dict(task=dict(checkpoint='random'))\n"
    )
    arguments = [
        str(photo),
        '--methods',
        'noisy',
        'clean',
        '--sigma',
        '30',
        '--task',
        str(task),
        '--out',
        str(tmp_path / 'out'),
    ]
    assert run(compare.main, [*arguments, '--dpi', '50', '--region', '2,3,10']) == 0
    narrow = Image.open(tmp_path / 'out/coffee.png')
    assert narrow.width == 2 * 120
    assert narrow.height > 1.9 * 120 + 96, 'a third row'
    assert 'of pixels as in clean' in (tmp_path / 'out/comparison.html').read_text()


def test_noisy_photographs_with_their_references(tmp_path, photo):
    clean = np.array(Image.open(photo))
    noisy = np.clip(clean + np.random.default_rng(0).normal(scale=12, size=clean.shape), 0, 255).astype(np.uint8)
    Image.fromarray(noisy).save(tmp_path / 'a_real.png')
    Image.fromarray(clean).save(tmp_path / 'a_mean.png')
    arguments = [
        str(tmp_path / '*_real.png'),
        '--references',
        str(tmp_path / '*_mean.png'),
        '--out',
        str(tmp_path / 'out'),
        '--dpi',
        '50',
    ]
    assert run(compare.main, [*arguments, '--methods', 'noisy', f'waves={WAVELET}', 'clean']) == 0
    expected = psnr(torch.from_numpy(noisy).double(), torch.from_numpy(clean).double())
    assert f'{expected:.2f} dB' in (tmp_path / 'out/comparison.html').read_text()
    assert (tmp_path / 'out/a_real.png').is_file()


def test_bad_comparisons_are_named(photo, tmp_path, capsys):
    Image.new('RGB', (30, 20)).save(tmp_path / 'small.png')
    (tmp_path / 'torn.png').write_bytes(photo.read_bytes()[:200])
    (tmp_path / 'empty').mkdir()
    out = ['--out', str(tmp_path / 'out')]
    both = ['--methods', 'noisy', f'waves={WAVELET}', *out]
    for arguments, named in (
        ([str(photo), *both], ['--sigma', '--references', '--as-they-are']),
        ([str(photo), *both, '--sigma', '0'], ['--sigma: 0']),
        ([str(tmp_path / 'nowhere.png'), *both, '--sigma', '25'], [str(tmp_path / 'nowhere.png')]),
        ([str(tmp_path / 'empty'), *both, '--sigma', '25'], [str(tmp_path / 'empty')]),
        ([str(tmp_path / 'torn.png'), *both, '--sigma', '25'], [str(tmp_path / 'torn.png')]),
        ([str(photo), '--methods', 'noisy', 'noisy', *out, '--sigma', '25'], ['--methods', 'noisy']),
        ([str(photo), '--methods', 'noisy', 'clean', *out, '--as-they-are'], ["'clean'", '--as-they-are']),
        ([str(photo), '--methods', 'noisy', 'x=nowhere.pth', *out, '--sigma', '25'], ["'nowhere.pth'"]),
        ([str(photo), *both, '--sigma', '25', '--region', '70,0,40'], ['--region', '70,0,40', "'coffee'"]),
        ([str(photo), *both, '--sigma', '25', '--region', 'left'], ['--region', "'left'"]),
        (
            [str(photo), *both, '--references', str(tmp_path / 'small.png')],
            [str(photo), str(tmp_path / 'small.png'), '80, 100', '20, 30'],
        ),
        (
            [str(photo), str(tmp_path / 'small.png'), *both, '--references', str(photo)],
            ['2 images', '1 --references'],
        ),
        ([str(photo), *both, '--sigma', '25', '--task', 'configs/evaluation/zoo.py'], ['model.task']),
    ):
        assert run(compare.main, arguments) == 2, arguments
        last = capsys.readouterr().err.splitlines()[-1]  # below the progress bar, if there is one
        assert 'error: ' in last, last
        assert all(name in last for name in named), (named, last)


@pytest.fixture
def training(tmp_path):
    """A few iterations with validation, which logs pictures."""
    cfg = load_config(JOINT, ['train_cfg.max_iters=2', 'train_cfg.val_interval=1', 'default_hooks.logger.interval=1'])
    cfg.work_dir = str(tmp_path / 'run')
    cfg.log_level = 'ERROR'
    cfg.train_dataloader.batch_size = 1
    cfg.train_dataloader.dataset.dataset.pipeline[1].crop_size = 64
    cfg.val_dataloader = dict(cfg.test_dataloader, batch_size=2)
    cfg.val_dataloader['dataset'] = dict(cfg.test_dataloader.dataset, indices=2)
    cfg.val_cfg = dict(type='ValLoop')
    cfg.test_dataloader = cfg.test_cfg = cfg.test_evaluator = None
    cfg.custom_hooks = [dict(type='RestorationHook', images=2, max_side=96)]
    cfg.visualizer = dict(
        type='mmengine.Visualizer', vis_backends=[dict(type='LocalVisBackend'), dict(type='TensorboardVisBackend')]
    )
    Runner.from_cfg(cfg).train()
    return tmp_path / 'run'


def test_curves_are_those_of_the_last_run_in_a_folder(tmp_path):
    for run_, steps in (('1', (100, 200, 300)), ('2', (100, 200)), ('3', (201, 250))):  # the last goes on
        (tmp_path / run_ / 'vis_data').mkdir(parents=True)
        lines = [json.dumps(dict(loss=float(run_), step=step)) for step in steps]
        (tmp_path / run_ / 'vis_data/scalars.json').write_text('\n'.join(lines))
    assert read_log(tmp_path) == {'loss': {100: 2, 200: 2, 201: 3, 250: 3}}


def test_validation_shows_what_it_restores_and_curves_have_every_term(training, tmp_path, capsys):
    pytest.importorskip('tensorboard', reason='tensorboard is not installed: pip install tensorboard')
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    pictures = sorted(training.glob('*/vis_data/vis_image/restored_*.png'))
    assert [path.stem for path in pictures] == ['restored_1', 'restored_2']
    assert Image.open(pictures[0]).width == 3 * 240
    (folder,) = training.glob('*/vis_data')
    events = EventAccumulator(str(folder)).Reload()
    assert 'restored' in events.Tags()['images']
    assert run(curves.main, [str(training), '--out', str(tmp_path / 'curves.png')]) == 0
    found = read_log(training)
    assert {'loss', 'loss_reconstruction', 'loss_perceptual', 'loss_task', 'PSNR', 'accuracy/top1'} <= set(found)
    assert sorted(found['loss_task']) == [1, 2]
    for step in (1, 2):
        parts = sum(found[f'loss_{name}'][step] for name in ('reconstruction', 'perceptual', 'task'))
        assert found['loss'][step] == pytest.approx(parts, rel=1e-4)
    assert Image.open(tmp_path / 'curves.png').width == 1800
    assert run(curves.main, [str(tmp_path), '--out', str(tmp_path / 'x.png')]) == 2
    assert str(tmp_path) in capsys.readouterr().err
    assert run(curves.main, [str(training), '--out', str(tmp_path / 'x.nothing')]) == 2
    assert 'x.nothing' in capsys.readouterr().err


def test_a_segmentation_is_captioned_with_the_share_of_its_known_pixels():
    truth = torch.full((1, 4, 5), 255)
    truth[0, :2] = 3
    predicted = torch.zeros(1, 4, 5, dtype=torch.long)
    predicted[0, 0] = 3  # 5 of the 10 pixels that are not void
    sample = SegDataSample(gt_sem_seg=PixelData(data=truth), pred_sem_seg=PixelData(data=predicted))
    sample.clean = torch.full((3, 4, 5), 0.5)
    sample.noisy, sample.restored = sample.clean + 0.1, sample.clean
    noisy, restored, clean = RestorationHook().tiles(sample)
    # 128 and 153 of 255: 20 log10(255 / 25)
    assert (noisy.caption, restored.caption, clean.caption) == ('20.17 dB', 'as clean, 50.0% of pixels right', '')


def test_a_comparison_replaces_no_image_and_leaves_nothing_half_written(tmp_path, photo_paths, capsys):
    image = tmp_path / 'own/photo.png'
    image.parent.mkdir()
    Image.open(photo_paths['astronaut']).convert('RGB').resize((96, 64)).save(image)
    before = image.read_bytes()
    methods = ['--methods', 'noisy', 'wavelet', 'clean', '--sigma', '25', '--out']
    assert run(compare.main, [str(image), *methods, str(image.parent)]) == 2
    assert '--out' in capsys.readouterr().err
    assert image.read_bytes() == before
    (tmp_path / 'broken.png').write_bytes(before[:200])
    assert run(compare.main, [str(image), str(tmp_path / 'broken.png'), *methods, str(tmp_path / 'out')]) == 2
    assert not list((tmp_path / 'out').glob('*'))
    (tmp_path / 'taken/comparison.html').mkdir(parents=True)
    assert run(compare.main, [str(image), *methods, str(tmp_path / 'taken')]) == 2
    assert 'comparison.html' in capsys.readouterr().err


@pytest.mark.parametrize('text', ['3', '{"loss": 1.0}', '{"loss": 1.0, "step": "a"}'])
def test_a_log_that_is_not_mmengines_is_named(tmp_path, capsys, text):
    log = tmp_path / 'run/1/vis_data/scalars.json'
    log.parent.mkdir(parents=True)
    log.write_text(text)
    assert run(curves.main, [str(tmp_path / 'run'), '--out', str(tmp_path / 'c.png')]) == 2
    assert str(log) in capsys.readouterr().err
    log.write_bytes(b'\xff\xfe\x00')
    assert run(curves.main, [str(tmp_path / 'run'), '--out', str(tmp_path / 'c.png')]) == 2
    assert str(log) in capsys.readouterr().err


@pytest.mark.parametrize(
    ('line', 'said'),
    [
        ('[' * 100_000, 'run'),
        (f'{{"step": 1, "loss": {"9" * 400}}}', 'c.png'),
    ],
)
def test_a_log_that_no_picture_can_show_is_refused(tmp_path, capsys, line, said):
    log = tmp_path / 'run/1/vis_data/scalars.json'
    log.parent.mkdir(parents=True)
    log.write_text(line)
    assert run(curves.main, [str(tmp_path / 'run'), '--out', str(tmp_path / 'c.png')]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / 'c.png').exists()

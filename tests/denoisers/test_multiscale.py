"""The paper's denoiser: structure against the released code's layer table, counts against hand counts, any size."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from semrestore.denoisers import Identity, MultiScaleDenoiser
from semrestore.padding import reflect_pad

SMALL = dict(encoder_channels=16, decoder_channels=32)


def count(module, predicate=lambda name, parameter: True):
    return sum(parameter.numel() for name, parameter in module.named_parameters() if predicate(name, parameter))


def test_default_has_the_released_parameter_counts():
    # Hand counts from the released prototxt: convolutions and deconvolutions, their biases, batch normalisation's
    # affine.
    denoiser = MultiScaleDenoiser()
    norms = {name for name, module in denoiser.named_modules() if isinstance(module, torch.nn.BatchNorm2d)}
    in_norm = lambda name: name.rsplit('.', 1)[0] in norms  # noqa: E731
    assert count(denoiser, lambda name, p: p.dim() == 4) == 1_030_208
    assert count(denoiser, lambda name, p: p.dim() == 1 and not in_norm(name)) == 675
    assert count(denoiser, lambda name, p: in_norm(name)) == 2_560
    assert count(denoiser) == 1_033_443


@pytest.mark.parametrize(
    ('scales', 'encoder', 'decoder', 'weights'),
    [
        # By hand, 3x3 and 1x1 kernels of a module of C channels on I: 9 I C + 1.0625 C^2 (two 1x1 to and from C/4, one
        # 3x3 at C/4).
        (2, 128, 128, 4_800 + 91_136 + 164_864 + 65_536 + 2_592),
        (2, 128, 256, 4_800 + 91_136 + 364_544 + 262_144 + 3_456),
        (2, 256, 256, 4_800 + 217_088 + 659_456 + 262_144 + 3_456),
        (3, 128, 128, 596_192),
        (3, 128, 256, 1_030_208),
        (3, 256, 256, 2_216_000),
        (4, 128, 128, 1_028_320),
        (4, 128, 256, 1_969_216),
        (4, 256, 256, 3_944_512),
    ],
)
def test_ablation_has_the_stated_weight_counts(scales, encoder, decoder, weights):
    denoiser = MultiScaleDenoiser(scales, encoder, decoder)
    assert count(denoiser, lambda name, p: p.dim() == 4) == weights


def replay_released_net(state, x):
    """Replay the layer table of the released network literally (valid convolutions, no padding around the image)."""

    def conv(name, x, **kwargs):
        return F.conv2d(x, state[f'{name}.weight'], state.get(f'{name}.bias'), **kwargs)

    def bn(name, x):
        return F.batch_norm(x, *(state[f'{name}.{part}'] for part in ('running_mean', 'running_var', 'weight', 'bias')))

    def res(name, x):
        a = F.relu(bn(f'{name}.branch.1', conv(f'{name}.branch.0', x)))
        b = F.relu(bn(f'{name}.branch.4', conv(f'{name}.branch.3', a, padding=1)))
        return F.relu(x + bn(f'{name}.branch.7', conv(f'{name}.branch.6', b)))

    def deconv(name, x):
        return F.conv_transpose2d(x, state[f'{name}.weight'], state[f'{name}.bias'], stride=2, padding=1)

    conv0 = conv('head', x)
    conv1 = F.relu(bn('encoders.0.norm', conv('encoders.0.conv', conv0, stride=2, padding=1)))
    res1 = res('encoders.0', conv1)
    conv2 = F.relu(bn('encoders.1.norm', conv('encoders.1.conv', res1, stride=2, padding=1)))
    res2 = res('encoders.1', conv2)
    concat_r2 = torch.cat((res1, deconv('upsamples.0', res2)), dim=1)
    conv3 = F.relu(bn('decoders.0.norm', conv('decoders.0.conv', concat_r2, padding=1)))
    res3 = res('decoders.0', conv3)
    concat_r3 = torch.cat((conv0, deconv('upsamples.1', res3)), dim=1)
    return x[..., 3:-3, 3:-3] + conv('tail', concat_r3)


def randomised(denoiser):
    for name, tensor in denoiser.state_dict().items():
        if 'running_var' in name:
            tensor.uniform_(0.5, 2)
        elif 'running_mean' in name or name.endswith('.bias'):
            tensor.normal_(0, 0.2)
    return denoiser.eval()


@torch.no_grad()
def test_forward_is_the_released_layer_table_on_the_reflected_image(photos):
    denoiser = randomised(MultiScaleDenoiser(zero_tail=False)).double()
    image = photos['chelsea'][
        None, :, 20:62, 40:90
    ].double()  # 42 x 50: with a border of 3, sizes that the released net takes
    padded = torch.from_numpy(np.pad(image.numpy(), ((0, 0), (0, 0), (3, 3), (3, 3)), mode='reflect'))
    torch.testing.assert_close(denoiser(image), replay_released_net(denoiser.state_dict(), padded), rtol=0, atol=1e-12)


@torch.no_grad()
@pytest.mark.parametrize('scales', [2, 3, 4, 5])
@pytest.mark.parametrize('size', [(1, 1), (1, 7), (2, 3), (5, 64), (17, 31), (48, 48)])
def test_output_has_the_size_of_the_input(scales, size):
    noisy = torch.rand(2, 3, *size)
    restored = randomised(MultiScaleDenoiser(scales, **SMALL, zero_tail=False))(noisy)
    assert restored.shape == noisy.shape
    assert restored.isfinite().all()


@torch.no_grad()
@pytest.mark.parametrize(
    'options', [dict(fusion='sum'), dict(downsample='maxpool'), dict(fusion='sum', downsample='maxpool', num_scales=4)]
)
def test_variants_of_section_3a_run_and_use_every_scale(options):
    denoiser = randomised(MultiScaleDenoiser(**SMALL, **options, zero_tail=False))
    noisy = torch.rand(1, 3, 33, 47)
    before = denoiser(noisy)
    denoiser.encoders[-1].conv.bias.add_(1.0)  # the coarsest scale
    assert before.shape == noisy.shape
    assert not torch.allclose(before, denoiser(noisy))


def test_sum_fusion_upsamples_to_the_channels_it_adds_to():
    denoiser = MultiScaleDenoiser(encoder_channels=16, decoder_channels=32, fusion='sum')
    assert [upsample.out_channels for upsample in denoiser.upsamples] == [16, 64]


@torch.no_grad()
def test_global_skip_starts_from_the_noisy_image_and_can_be_left_out():
    noisy = torch.rand(1, 3, 20, 20)
    assert torch.equal(MultiScaleDenoiser(**SMALL).eval()(noisy), noisy)
    with_skip = randomised(MultiScaleDenoiser(**SMALL, zero_tail=False))
    without = MultiScaleDenoiser(**SMALL, global_skip=False).eval()
    without.load_state_dict(with_skip.state_dict())
    torch.testing.assert_close(with_skip(noisy) - without(noisy), noisy)


@torch.no_grad()
def test_pixel_range_is_a_scale_inside():
    outside = randomised(MultiScaleDenoiser(**SMALL, zero_tail=False))
    inside = MultiScaleDenoiser(**SMALL, pixel_range=255).eval()
    state = outside.state_dict()
    inside.load_state_dict(
        state
        | {
            'head.weight': state['head.weight'] / 255,
            'tail.weight': state['tail.weight'] * 255,
            'tail.bias': state['tail.bias'] * 255,
        }
    )
    noisy = torch.rand(1, 3, 24, 24)
    torch.testing.assert_close(inside(noisy), outside(noisy), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    'options',
    [
        dict(num_scales=1),
        dict(encoder_channels=30),
        dict(decoder_channels=0),
        dict(fusion='max'),
        dict(downsample='avg'),
        dict(pixel_range=0),
    ],
)
def test_bad_arguments_are_refused(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        MultiScaleDenoiser(**options)


@pytest.mark.parametrize('pads', [(1, 2, 3, 4), (7, 0, 0, 9), (12, 11, 10, 9)])
@pytest.mark.parametrize('size', [(1, 1), (2, 5), (4, 4)])
def test_reflection_is_numpys(size, pads):
    x = torch.rand(1, 2, *size)
    left, right, top, bottom = pads
    expected = np.pad(x.numpy(), ((0, 0), (0, 0), (top, bottom), (left, right)), mode='reflect')
    np.testing.assert_array_equal(reflect_pad(x, *pads).numpy(), expected)


def test_identity_hands_on_its_input():
    noisy = torch.rand(1, 3, 4, 4)
    assert Identity()(noisy, sigma=0.1) is noisy


@torch.no_grad()
def test_with_norm_eval_training_uses_the_running_statistics_and_leaves_them_alone():
    denoiser = randomised(MultiScaleDenoiser(**SMALL, zero_tail=False, norm_eval=True))
    noisy = torch.rand(2, 3, 16, 16)
    expected, before = denoiser(noisy), {name: value.clone() for name, value in denoiser.state_dict().items()}
    assert torch.equal(denoiser.train()(noisy), expected)
    assert all(torch.equal(value, before[name]) for name, value in denoiser.state_dict().items())
    assert denoiser.training

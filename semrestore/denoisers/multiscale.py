"""Define the multi-scale residual denoiser of Liu et al., Fig. 1.

With its default arguments this is the network of the authors' released code, layer by layer (``docs/denoisers.md``
names each layer on both sides); the other arguments span the ablation of the paper's Table I and section III-A.
"""

from itertools import pairwise
from typing import Literal, Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from semrestore.denoisers.base import Denoiser
from semrestore.limits import MOST_SCALES
from semrestore.padding import crop, reflect_pad
from semrestore.registry import MODELS

HEAD_CHANNELS = 64  # of the full-resolution features
# By how much a residual branch is thinner than its module, and a deconvolution's output than its input.
BOTTLENECK = 4
BORDER = 3  # pixels that the two valid convolutions take: (5 - 1) / 2 + (3 - 1) / 2


@MODELS.register_module()
class MultiScaleDenoiser(Denoiser):
    """Restore by an encoder-decoder with residual modules at several scales and a global skip connection.

    At ``S`` scales there are ``S - 1`` encoding modules, each half the size of the one before, and ``S - 2`` decoding
    modules that fuse a scale with the one below it; the finest scale is fused by the last convolution. At two scales
    nothing is left to fuse, so the one decoding module follows the one encoding module directly.

    Args:
        num_scales: Spatial scales, at least 2. The paper's choice is 3.
        encoder_channels: Channels of the encoding modules; a multiple of 4.
        decoder_channels: Channels of the decoding modules; a multiple of 4.
        global_skip: Add the noisy input, so that the network learns the residual.
        fusion: How two scales meet: ``'concat'``, or ``'sum'`` (the deconvolution then hands up as many channels as it
            meets).
        downsample: ``'conv'`` for convolutions of stride 2, ``'maxpool'`` for 2x2 max pooling before convolutions of
            stride 1.
        pixel_range: Scale of the values that the layers see: 1, or 255 as in the released code. It scales what goes in
            and comes out, not the contract.
        bias_init: Initial value of the convolutions' biases (0.2 in the released code, where ``pixel_range`` is 255).
            Weights are initialised by Xavier's rule, as there.
        zero_tail: Start with a last convolution of zeros instead, so that the untrained network with a global skip
            hands on its input. The released code does not; it makes short trainings far better (``docs/denoisers.md``).
            Without a global skip it is ignored.
        norm: Batch normalisation, as in the paper; ``False`` leaves it out.
        norm_momentum: Share of a new batch in the running statistics of batch normalisation: 0.1, or 0.001 as in the
            released code, whose schedule is a hundred times longer.
        norm_eval: Train with the running statistics of batch normalisation, which then stay as they are: for a training
            that starts from trained weights. What becomes of an image then does not depend on the rest of its batch.

    Shape:
        ``(N, 3, H, W)`` to ``(N, 3, H, W)``, any ``H, W >= 1``: the input is padded by reflection.

    >>> denoiser = MultiScaleDenoiser().eval()
    >>> sum(parameter.numel() for parameter in denoiser.parameters())
    1033443
    >>> denoiser(torch.rand(1, 3, 17, 30)).shape
    torch.Size([1, 3, 17, 30])
    """

    takes_sigma = False

    def __init__(
        self,
        num_scales: int = 3,
        encoder_channels: int = 128,
        decoder_channels: int = 256,
        global_skip: bool = True,
        fusion: Literal['concat', 'sum'] = 'concat',
        downsample: Literal['conv', 'maxpool'] = 'conv',
        pixel_range: float = 1.0,
        bias_init: float = 0.0,
        zero_tail: bool = True,
        norm: bool = True,
        norm_momentum: float = 0.1,
        norm_eval: bool = False,
    ) -> None:
        super().__init__()
        if not 2 <= num_scales <= MOST_SCALES:
            raise ValueError(f'num_scales is {num_scales}; expected 2 to {MOST_SCALES}')
        for name, channels in (('encoder_channels', encoder_channels), ('decoder_channels', decoder_channels)):
            if channels < BOTTLENECK or channels % BOTTLENECK:
                raise ValueError(f'{name} is {channels}; expected a positive multiple of {BOTTLENECK}')
        if fusion not in ('concat', 'sum'):
            raise ValueError(f"fusion is {fusion!r}; expected 'concat' or 'sum'")
        if downsample not in ('conv', 'maxpool'):
            raise ValueError(f"downsample is {downsample!r}; expected 'conv' or 'maxpool'")
        if pixel_range <= 0:
            raise ValueError(f'pixel_range is {pixel_range}; expected a positive number')
        self.num_scales = num_scales
        self.global_skip = global_skip
        self.fusion = fusion
        self.norm_eval = norm_eval
        self.pixel_range = pixel_range

        self.head = nn.Conv2d(3, HEAD_CHANNELS, 5)
        widths = [HEAD_CHANNELS] + [encoder_channels] * (num_scales - 1)  # of the features at each scale, finest first
        self.encoders = nn.ModuleList(ResidualModule(thin, wide, downsample) for thin, wide in pairwise(widths))
        skip_widths = widths[-2::-1]  # the channels that each upsampling meets, coarsest first
        self.bottom = ResidualModule(encoder_channels, decoder_channels) if num_scales == 2 else nn.Identity()
        self.upsamples = nn.ModuleList()
        self.decoders = nn.ModuleList()
        channels = decoder_channels if num_scales == 2 else encoder_channels
        for skip in skip_widths:
            handed_up = channels // BOTTLENECK if fusion == 'concat' else skip
            self.upsamples.append(nn.ConvTranspose2d(channels, handed_up, 4, stride=2, padding=1))
            fused = skip + handed_up if fusion == 'concat' else skip
            if len(self.upsamples) < len(skip_widths):
                self.decoders.append(ResidualModule(fused, decoder_channels))
                channels = decoder_channels
        self.tail = nn.Conv2d(fused, 3, 3)
        # Settings that the shapes of the weights do not show. They are saved with the weights, so that weights cannot
        # run with other settings than in training.
        settings = [pixel_range, global_skip, fusion == 'sum', downsample == 'maxpool']
        self.register_buffer('settings', torch.tensor(settings, dtype=torch.float32))
        for module in list(self.modules()):
            for name, child in module.named_children():
                if isinstance(child, nn.BatchNorm2d):
                    child.momentum = norm_momentum
                    if not norm:
                        setattr(module, name, nn.Identity())
        self.stride = 2 ** (num_scales - 1)
        # Head and tail; at each scale of 2, 4, ... pixels an encoding module (its first convolution is a scale finer),
        # its upsampling, and two convolutions of a decoding module, except at the finest scale.
        scales = [2**scale for scale in range(1, num_scales)]
        self.reach = 3 + sum(scale // 2 + scale + scale + scale // 2 + 2 * scale for scale in scales)
        self._reset_parameters(bias_init, zero_tail and global_skip)

    def forward(self, noisy: Tensor, sigma: float | Tensor | None = None) -> Tensor:
        """Restore a batch; ``sigma`` is ignored (see :class:`~semrestore.denoisers.base.Denoiser`)."""
        residual = self._residual(noisy * self.pixel_range if self.pixel_range != 1 else noisy)
        if self.pixel_range != 1:
            residual = residual / self.pixel_range
        return noisy + residual if self.global_skip else residual

    def train(self, mode: bool = True) -> Self:
        """Switch to training or evaluation; with ``norm_eval`` batch normalisation stays in evaluation."""
        super().train(mode)
        for module in self.modules():
            if self.norm_eval and isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.eval()
        return self

    def adapt_state(self, state: dict[str, Tensor], prefix: str = '') -> dict[str, Tensor]:
        """Return weights that were trained on another ``pixel_range`` as weights for this one.

        The network computes the same with them, because nothing but its first and last convolution sees the range.

        Args:
            state: Weights by name, perhaps of a larger module.
            prefix: Of the names that are this denoiser's.
        """
        assert self.tail.bias is not None
        names = [f'{prefix}{name}' for name in ('settings', 'head.weight', 'tail.weight', 'tail.bias')]
        if not all(name in state for name in names) or state[names[0]].shape != self.settings.shape:
            return state  # weights of another network, which the fit reports
        settings, head, tail, bias = (state[name] for name in names)
        trained, own = float(settings[0]), self.pixel_range
        if trained == own or trained <= 0:
            return state
        settings = settings.clone()
        settings[0] = own
        return {
            **state,
            names[0]: settings,
            names[1]: (head.double() * (trained / own)).to(self.head.weight.dtype),
            names[2]: (tail.double() * (own / trained)).to(self.tail.weight.dtype),
            names[3]: (bias.double() * (own / trained)).to(self.tail.bias.dtype),
        }

    def _residual(self, x: Tensor) -> Tensor:
        height, width = x.shape[-2:]
        multiple = 2 ** (self.num_scales - 1)
        # The tail needs one pixel around the image, and the head's output has to be divisible down to the coarsest
        # scale.
        bottom, right = (BORDER + (-(size + 2)) % multiple for size in (height, width))
        features = [self.head(reflect_pad(x, BORDER, right, BORDER, bottom))]
        for encoder in self.encoders:
            features.append(encoder(features[-1]))
        x = self.bottom(features.pop())
        for upsample, decoder in zip(self.upsamples[:-1], self.decoders, strict=True):
            x = decoder(self.fuse(features.pop(), upsample(x)))
        x = self.tail(self.fuse(features.pop(), self.upsamples[-1](x)))
        return crop(x, height, width)

    def fuse(self, fine: Tensor, coarse: Tensor) -> Tensor:
        """Combine the features of two scales."""
        return torch.cat((fine, coarse), dim=1) if self.fusion == 'concat' else fine + coarse

    def _reset_parameters(self, bias_init: float, zero_tail: bool) -> None:
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
                nn.init.xavier_uniform_(module.weight)
                if module.bias is not None:
                    nn.init.constant_(module.bias, bias_init)
        if zero_tail:
            nn.init.zeros_(self.tail.weight)
            if self.tail.bias is not None:
                nn.init.zeros_(self.tail.bias)


class ResidualModule(nn.Module):
    """Apply a 3x3 convolution, then a bottleneck residual block (Fig. 1 (b) and (c)).

    Args:
        in_channels: Channels of the input.
        channels: Channels of the output.
        downsample: ``None`` to keep the size, else how to halve it (see :class:`MultiScaleDenoiser`).

    Shape:
        ``(N, in_channels, H, W)`` to ``(N, channels, H, W)``, or half of an even ``H`` and ``W``.
    """

    def __init__(self, in_channels: int, channels: int, downsample: str | None = None) -> None:
        super().__init__()
        thin = channels // BOTTLENECK
        self.pool = nn.MaxPool2d(2) if downsample == 'maxpool' else nn.Identity()
        self.conv = nn.Conv2d(in_channels, channels, 3, stride=2 if downsample == 'conv' else 1, padding=1)
        self.norm = nn.BatchNorm2d(channels)
        self.branch = nn.Sequential(
            nn.Conv2d(channels, thin, 1, bias=False),
            nn.BatchNorm2d(thin),
            nn.ReLU(inplace=True),
            nn.Conv2d(thin, thin, 3, padding=1, bias=False),
            nn.BatchNorm2d(thin),
            nn.ReLU(inplace=True),
            nn.Conv2d(thin, channels, 1, bias=False),
            nn.BatchNorm2d(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.after_convolution(self.conv(self.pool(x)))

    def after_convolution(self, x: Tensor) -> Tensor:
        """Return the module's output from what its first convolution returns."""
        x = F.relu(self.norm(x), inplace=True)
        return F.relu(self.branch(x).add_(x), inplace=True)

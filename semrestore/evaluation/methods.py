"""Parse the names of denoisers: noisy, bm3d, NAME=CHECKPOINT, NAME=CONFIG:CHECKPOINT."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from semrestore.config.libraries import config_path
from semrestore.corruptions import UNTOUCHED
from semrestore.errors import UserError, near
from semrestore.plugins import load_plugins
from semrestore.registry import MODELS
from semrestore.weights.zoo import resolve

if TYPE_CHECKING:
    from semrestore.denoisers import Denoiser

__all__ = [
    'LEFT_ALONE',
    'UNTOUCHED',
    'Method',
    'check_sources',
    'check_unique',
    'noise_name',
    'parse_limits',
    'parse_method',
]

LEFT_ALONE = ('noisy', 'clean')
"""The images themselves."""


@dataclass(frozen=True)
class Method:
    """Hold a denoiser's name and its source."""

    name: str
    config: str | None = None
    """Config file whose denoiser it is."""
    kind: str | None = None
    """Class of a denoiser without arguments."""
    checkpoint: str | None = None
    """A file or a published name, in which ``{sigma}`` stands for the noise level."""

    def at(self, sigma: float | str | None) -> str | None:
        """Return the checkpoint's file for a noise level, or ``None`` for clean images."""
        named = self.named(sigma)
        return named and resolve(named)

    def named(self, sigma: float | str | None) -> str | None:
        """Return the checkpoint for a noise level or a named noise, as it was given."""
        if sigma is None or not self.checkpoint:
            return None
        return self.checkpoint.replace('{sigma}', noise_name(sigma))

    def denoiser(self, default: dict, sigma: float | str | None = None) -> dict:
        """Return the config of the denoiser.

        Args:
            default: What is meant if neither the method nor its checkpoint names a network.
            sigma: The noise level, which may choose the checkpoint.
        """
        from semrestore.config.load import load_denoiser_config
        from semrestore.weights.build import denoiser_config

        if self.kind:
            return dict(type=self.kind)
        if self.config:
            return load_denoiser_config(self.config)
        return denoiser_config(self.at(sigma), default)

    def build(self, default: dict, sigma: float | str | None) -> 'Denoiser':
        """Return the denoiser with its weights, in evaluation mode."""
        from semrestore.weights.build import build_denoiser

        return build_denoiser(self.denoiser(default, sigma), self.at(sigma)).eval()

    def takes_clean_images(self, default: dict) -> bool:
        """Return whether the denoiser takes clean images without a noise level.

        One with weights for each noise level cannot, nor can one that needs the noise level.
        """
        if '{sigma}' in (self.checkpoint or ''):
            return False
        return self.name in LEFT_ALONE or not self.build(default, UNTOUCHED).needs_sigma


def noise_name(sigma: float | str) -> str:
    """Return the name of a noise level or of another noise.

    >>> noise_name(25.0), noise_name('jpeg')
    ('25', 'jpeg')
    """
    return sigma if isinstance(sigma, str) else f'{sigma:g}'


def parse_method(text: str, option: str) -> Method:
    """Parse ``noisy``, ``clean``, ``KIND``, ``CHECKPOINT``, or ``NAME=`` CHECKPOINT, CONFIG or CONFIG:CHECKPOINT.

    A checkpoint without a name is called as its file.

    Raises:
        UserError: The text is not a method. The message names ``option``.
    """
    name, separator, source = text.partition('=')
    if not separator and Path(text).is_file():
        return Method(Path(text).stem, checkpoint=text)
    if not separator:
        return Method(text, kind='Identity' if text in LEFT_ALONE else _without_weights(text, option))
    if not name or not source:
        raise UserError(f"{option}: '{text}' cannot be read; expected NAME=CHECKPOINT")
    if name in LEFT_ALONE:
        raise UserError(f"{option}: the name '{name}' is reserved for the images themselves. Choose another name")
    config, separator, checkpoint = source.partition('.py:')
    if separator:
        return Method(name, config=f'{config}.py', checkpoint=checkpoint)
    return Method(name, config=source) if source.endswith('.py') else Method(name, checkpoint=source)


def _without_weights(text: str, option: str) -> str:
    from semrestore.denoisers import Denoiser
    from semrestore.weights.build import needs_weights

    load_plugins()
    classes = {kind: built for kind, built in MODELS.module_dict.items() if isinstance(built, type)}
    known = {kind.lower(): kind for kind, built in classes.items() if issubclass(built, Denoiser)}
    if text.lower() not in known:
        hint = near(text.lower(), [*known, *LEFT_ALONE])
        raise UserError(
            f"{option}: there is no method '{text}'.{hint} For a denoiser with weights give NAME=CHECKPOINT"
        )
    kind = known[text.lower()]
    if needs_weights(dict(type=kind)):
        raise UserError(f'{option}: {kind} needs weights; expected NAME=CHECKPOINT or NAME=CONFIG:CHECKPOINT')
    return kind


def check_unique(methods: Sequence[Method], option: str) -> None:
    """Raise an error if two methods have the same name."""
    names = [method.name for method in methods]
    if len(set(names)) < len(names):
        raise UserError(f'{option} names {next(name for name in names if names.count(name) > 1)} twice')


def check_sources(methods: Sequence[Method], sigmas: Sequence[float | str]) -> None:
    """Raise an error for configs without a denoiser and missing weights, before anything runs."""
    for method in methods:
        for sigma in sigmas:
            method.at(sigma)  # raises an error that names a missing checkpoint
        if method.config:
            config_path(method.config)
    for method in methods:
        if method.config:
            from semrestore.config.load import load_denoiser_config
            from semrestore.weights.build import needs_weights

            denoiser = load_denoiser_config(method.config)
            if not method.checkpoint and needs_weights(denoiser):
                raise UserError(
                    f"the denoiser of '{method.config}' needs weights; expected"
                    f' {method.name}={method.config}:CHECKPOINT'
                )


def parse_limits(texts: Sequence[str], names: Sequence[str]) -> dict[str, int]:
    """Parse ``NAME=N`` for methods that run on a part of the images."""
    limits = {}
    for text in texts:
        name, _, count = text.partition('=')
        if name not in names or not count.isdecimal() or int(count) < 1:
            known = ', '.join(names)
            raise UserError(
                f"--limit: '{text}' cannot be read; expected NAME=N with one of {known} and a count of at least 1"
            )
        limits[name] = int(count)
    return limits

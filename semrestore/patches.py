"""What semrestore changes in other libraries. Each change has its reason; :func:`apply` makes them all, once.

``semrestore.registry`` calls it, so that they are in place before any part of semrestore is used.
"""

from collections.abc import Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any


@cache
def apply() -> None:
    """Make the changes."""
    _name_packages()
    _pass_over_sidecars()
    _pass_over_marks()
    _load_weights_safely()


def _name_packages() -> None:
    """Let configs inherit from ``mmseg::...`` and ``semrestore::...``.

    MMEngine knows mmseg by the distribution that is no longer maintained (``docs/installation.md`` names the one in
    use), and refuses every package that is not in its table.
    """
    from mmengine.config.utils import MODULE2PACKAGE

    MODULE2PACKAGE.update(mmseg='mmseg', semrestore='semrestore')


def _pass_over_sidecars() -> None:
    """Have the libraries' data sets pass over hidden folders and those that a NAS leaves.

    mmpretrain numbers the folders that it finds: ``.ipynb_checkpoints`` would be class 0 and shift every label.
    """
    from mmengine.fileio import LocalBackend

    from semrestore.images.listing import is_sidecar

    whole = LocalBackend.list_dir_or_file

    def listed(self: LocalBackend, *arguments: Any, **options: Any) -> Iterator[str]:
        for name in whole(self, *arguments, **options):
            if not any(map(is_sidecar, Path(name).parts)):
                yield name

    LocalBackend.list_dir_or_file = listed


def _pass_over_marks() -> None:
    """Have the libraries' lists begin behind a byte order mark, which editors on Windows write.

    MMEngine would take it for the beginning of the first name.
    """
    from mmengine.fileio import LocalBackend

    whole = LocalBackend.get_text

    def text(self: LocalBackend, *arguments: Any, **options: Any) -> str:
        return whole(self, *arguments, **options).removeprefix('\ufeff')

    LocalBackend.get_text = text


def _load_weights_safely() -> None:
    """Have MMEngine read weights as semrestore does, and know ``zoo:NAME`` and safetensors.

    MMEngine falls back to running the code in a checkpoint that is more than weights. Everything that it loads
    (``load_from``, ``--resume``, an ``init_cfg``, a library's own training) goes by these three.
    """
    import torch
    from mmengine.runner import checkpoint

    from semrestore.weights.read import read_checkpoint, state_of, unpickle
    from semrestore.weights.zoo import PREFIX, resolve

    def load_from_file(filename: str, map_location: object = None) -> dict:
        checkpoint = read_checkpoint(resolve(filename))
        if 'state_dict' in checkpoint or not (state := state_of(checkpoint)):
            return checkpoint
        return dict(state_dict=state)  # EMAHook looks for that key

    checkpoint.CheckpointLoader.register_scheme(prefixes=['', PREFIX], loader=load_from_file, force=True)
    checkpoint.load_url = partial(torch.hub.load_state_dict_from_url, weights_only=True)
    checkpoint._safe_torch_load = unpickle  # what is left of MMEngine's own schemes

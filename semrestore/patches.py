"""What semrestore changes in other libraries. Each change has its reason; :func:`apply` makes them all, once.

``semrestore.registry`` calls it, so that they are in place before any part of semrestore is used.
"""

from functools import cache, partial


@cache
def apply() -> None:
    """Make the changes."""
    _name_packages()
    _load_weights_safely()


def _name_packages() -> None:
    """Let configs inherit from ``mmseg::...`` and ``semrestore::...``.

    MMEngine knows mmseg by the distribution that is no longer maintained (``docs/installation.md`` names the one in
    use), and refuses every package that is not in its table.
    """
    from mmengine.config.utils import MODULE2PACKAGE

    MODULE2PACKAGE.update(mmseg='mmseg', semrestore='semrestore')


def _load_weights_safely() -> None:
    """Have MMEngine read weights as semrestore does, and know ``zoo:NAME`` and safetensors.

    MMEngine falls back to running the code in a checkpoint that is more than weights. Everything that it loads
    (``load_from``, ``--resume``, an ``init_cfg``, a library's own training) goes by these three.
    """
    import torch
    from mmengine.runner import checkpoint

    from semrestore.weights.read import read_checkpoint, unpickle
    from semrestore.weights.zoo import PREFIX, resolve

    def load_from_file(filename: str, map_location: object = None) -> dict:
        checkpoint = read_checkpoint(resolve(filename))
        is_bare = bool(checkpoint) and all(isinstance(value, torch.Tensor) for value in checkpoint.values())
        return dict(state_dict=checkpoint) if is_bare else checkpoint  # EMAHook looks for that key

    checkpoint.CheckpointLoader.register_scheme(prefixes=['', PREFIX], loader=load_from_file, force=True)
    checkpoint.load_url = partial(torch.hub.load_state_dict_from_url, weights_only=True)
    checkpoint._safe_torch_load = unpickle  # what is left of MMEngine's own schemes

"""Save denoisers to a folder or the Hugging Face Hub, and load them."""

from pathlib import Path
from typing import Any, Self

from torch import nn

from semrestore.errors import UserError

# huggingface_hub's ModelHubMixin is no base class here, because it takes half a second to import, and because the short
# installation does without huggingface_hub.


class Pretrained(nn.Module):
    """Give denoisers ``save_pretrained``, ``push_to_hub`` and ``from_pretrained``.

    A folder holds ``model.safetensors``, whose header records the network, ``config.json`` for people, and a model
    card. It is loaded as every other file of weights is (:func:`semrestore.load_denoiser`): no code of the file is run,
    and weights that do not fit are refused.
    """

    made: dict[str, Any] | None = None
    """What the file of the weights records of their training."""

    made_of: str | None = None
    """A digest of these weights. What is recorded of them does not hold for any others."""

    given: tuple[tuple, dict[str, Any]] | None
    """The arguments that it was built with, by position and by name; ``None`` if a network is among them."""

    def __new__(cls, *args: Any, **options: Any) -> Self:
        """Keep the arguments so that a file can record them, without references to networks."""
        denoiser = super().__new__(cls)
        networks = any(isinstance(value, nn.Module) for value in (*args, *options.values()))
        denoiser.__dict__['given'] = None if networks else (args, options)
        return denoiser

    @classmethod
    def from_pretrained(
        cls,
        name: str | Path,
        *,
        revision: str | None = None,
        token: str | bool | None = None,
        cache_dir: str | Path | None = None,
        local_files_only: bool = False,
        force_download: bool = False,
    ) -> Self:
        """Load a denoiser from a folder, by a published name, or from the hub.

        Args:
            name: A folder that :meth:`save_pretrained` wrote; a name of :func:`semrestore.published`, which needs no
                network; or the id of a repository, such as ``'somebody/denoiser'``.
            revision: Branch, tag or commit of the repository.
            token: Access token of the hub; by default that of ``hf auth login``.
            cache_dir: Folder for what is downloaded.
            local_files_only: Take what was downloaded before, and ask no network.
            force_download: Download again what was downloaded before.

        Raises:
            UserError: The denoiser does not exist or is of another class, or options of the hub are given for a
                published name.
        """
        from semrestore.weights.hub import load

        options = dict(
            revision=revision,
            token=token,
            cache_dir=cache_dir,
            local_files_only=local_files_only,
            force_download=force_download,
        )
        given = {key: value for key, value in options.items() if value or (key == 'token' and value is False)}
        denoiser = load(str(name), given)
        if not isinstance(denoiser, cls):
            raise UserError(f"'{name}' holds a {type(denoiser).__name__}; expected a {cls.__name__}")
        return denoiser

    def save_pretrained(self, folder: str | Path) -> None:
        """Write the denoiser to a folder: weights, config and model card. Files of these names are replaced.

        Args:
            folder: It is made if it is missing.

        Raises:
            UserError: The denoiser cannot be loaded from a file alone, because it has no weights, is not registered or
                imports a module (:class:`~semrestore.denoisers.ModuleDenoiser`), or the folder cannot be written.
        """
        from semrestore.weights.hub import save

        save(self, Path(folder))

    def push_to_hub(
        self,
        repo_id: str,
        *,
        private: bool | None = None,
        token: str | bool | None = None,
        commit_message: str = 'Add a denoiser of semrestore',
    ) -> str:
        """Upload the files of :meth:`save_pretrained` to a repository on the hub, which is created if it is missing.

        Args:
            repo_id: Such as ``'somebody/denoiser'``.
            private: Whether a new repository is private.
            token: Access token of the hub; by default that of ``hf auth login``.
            commit_message: Of the upload.

        Returns:
            The URL of the commit.

        Raises:
            UserError: As for :meth:`save_pretrained`, or the hub does not take the files.
        """
        from semrestore.weights.hub import push

        return push(self, repo_id, private, token, commit_message)

"""Save denoisers to a folder or the Hugging Face Hub, with their config and model card, and load them."""

import inspect
import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from torch import Tensor

from semrestore.errors import UserError, explained
from semrestore.files import write_text
from semrestore.markdown import markdown_table
from semrestore.weights.build import load_denoiser
from semrestore.weights.read import save_weights
from semrestore.weights.record import checked_config, denoiser_record, weights_digest
from semrestore.weights.zoo import PREFIX, figures, published

if TYPE_CHECKING:
    from semrestore.denoisers import Denoiser
    from semrestore.denoisers.pretrained import Pretrained

__all__ = ['load', 'push', 'save']

FILE = 'model.safetensors'
CARD = Path(__file__).parents[1] / 'templates/model_card.md'
TOLD = ('data', 'config', 'command', 'iterations', 'device', 'sigma', 'seed')
"""Entries of a file's record that the model card shows."""


def load(name: str, options: dict[str, Any]) -> 'Denoiser':
    """Load a denoiser by the argument of :meth:`Denoiser.from_pretrained`.

    Args:
        name: A folder, a published name, or a repository on the hub.
        options: Of :func:`huggingface_hub.hf_hub_download`.

    Raises:
        UserError: The name is unknown, or options are given for a published name.
    """
    if Path(name).is_dir():
        return load_denoiser(Path(name) / FILE)
    if name.removeprefix(PREFIX) in published():
        if options:
            raise UserError(
                f"'{name}' is a published name, which comes with the package. Leave out {', '.join(options)}"
            )
        return load_denoiser(name)
    from huggingface_hub import hf_hub_download  # the short installation does without it

    with explained(f"'{name}' is neither a published name ({', '.join(published())}) nor a folder, and the hub"):
        return load_denoiser(hf_hub_download(name, FILE, **options))


def save(denoiser: 'Pretrained', folder: Path, name: str | None = None) -> None:
    """Write a denoiser's weights, config and model card to a folder.

    Args:
        denoiser: The denoiser.
        folder: It is made if it is missing.
        name: Name to load it by, for the card. By default its published name, or the folder's.

    Raises:
        UserError: A file is not enough to load the denoiser, or the folder cannot be written.
    """
    state, record = _checked(denoiser)
    save_weights(state, folder / FILE, record)
    write_text(folder / 'config.json', json.dumps(record['denoiser'], indent=2) + '\n')
    own = record.get('name')
    card = _card(denoiser, record, name or (own if own in published() else folder.resolve().name))
    write_text(folder / 'README.md', card)


def push(denoiser: 'Pretrained', repo_id: str, private: bool | None, token: str | bool | None, message: str) -> str:
    """Upload what :func:`save` writes, and return the URL of the commit; see :meth:`Denoiser.push_to_hub`."""
    from huggingface_hub import HfApi

    hub = HfApi(token=token)
    with TemporaryDirectory() as folder:
        save(denoiser, Path(folder), repo_id)
        with explained(f"'{repo_id}' cannot be uploaded to the hub"):
            hub.create_repo(repo_id, private=private, exist_ok=True)
            return str(hub.upload_folder(repo_id=repo_id, folder_path=folder, commit_message=message))


def _checked(denoiser: 'Pretrained') -> tuple[dict[str, Tensor], dict]:
    """Return the weights and the record for a file, after checking that the file can be loaded."""
    state = {f'denoiser.{key}': value for key, value in denoiser.state_dict().items()}
    record = denoiser.given and denoiser_record(dict(type=type(denoiser), **_arguments(denoiser, *denoiser.given)))
    if not record:
        raise UserError(
            f'the arguments of this {type(denoiser).__name__} cannot be recorded as JSON; expected numbers,'
            ' texts, lists and dicts'
        )
    if not state:
        raise UserError(f'{type(denoiser).__name__} has no weights; expected a learned denoiser')
    try:
        checked_config(record, state, FILE)
    except UserError as error:
        raise UserError(f'this {type(denoiser).__name__} cannot be loaded from a file: {error}') from None
    if denoiser.made is None or denoiser.made_of != weights_digest(denoiser):
        return state, record
    return state, {**denoiser.made, **record}


def _arguments(denoiser: 'Pretrained', positional: tuple, named: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments that a denoiser was built with, by name, and the defaults of the others."""
    parameters = list(inspect.signature(type(denoiser).__init__).parameters.values())[1:]
    defaults = {one.name: one.default for one in parameters if one.default is not one.empty}
    return defaults | dict(zip((one.name for one in parameters), positional, strict=False)) | named


def _card(denoiser: 'Pretrained', record: dict, name: str) -> str:
    """Return the model card: the network, its training and its figures, as far as the file records them."""
    from huggingface_hub import ModelCard, ModelCardData

    told = [f'- {key}: {record[key]}' for key in TOLD if record.get(key) is not None]
    reached = figures(record['name']) if 'name' in record else []
    table = markdown_table(['noise', 'CBSD68, PSNR (dB)'], [[noise, f'{value:.2f}'] for noise, value in reached])
    licence = 'apache-2.0' if record.get('name') in published() else None  # others' licence is unknown
    card = ModelCard.from_template(
        ModelCardData(library_name='semrestore', pipeline_tag='image-to-image', license=licence),
        template_path=str(CARD),
        title=record.get('name', type(denoiser).__name__),
        name=name,
        network=json.dumps(record['denoiser'], indent=2),
        parameters=f'{sum(part.numel() for part in denoiser.parameters()):,}',
        made='\n'.join(told) or 'The file does not record it.',
        figures=table if reached else '',
    )
    return str(card)

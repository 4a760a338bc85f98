"""Denoisers in a folder and on the Hugging Face Hub."""

import json
from pathlib import Path
from typing import Any, Self, cast

from huggingface_hub import ModelCard, ModelHubMixin, hf_hub_download
from torch import nn

from semrestore.errors import UserError, explained

FILE = 'model.safetensors'
CARD = Path(__file__).parents[1] / 'templates/model_card.md'
TOLD = ('data', 'config', 'command', 'iterations', 'device', 'sigma', 'seed')
"""What a card says of how weights were made, of what their file records."""


class OnHub(nn.Module, ModelHubMixin, library_name='semrestore', pipeline_tag='image-to-image', license='apache-2.0'):
    """``save_pretrained``, ``push_to_hub`` and ``from_pretrained`` of denoisers.

    A folder holds ``model.safetensors``, whose header records the network, ``config.json`` for people, and a model
    card. It is loaded as every other file of weights is (:func:`semrestore.load_denoiser`): no code of the file is run,
    and weights that do not fit are refused.
    """

    made: dict[str, Any] | None = None
    """What the file of the weights records of their training."""

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: str | Path, **options: Any) -> Self:
        """Load a denoiser by a published name, from a folder, or from the hub.

        Args:
            pretrained_model_name_or_path: A name of :func:`semrestore.published`, which needs no network; a folder that
                ``save_pretrained`` wrote; or the id of a repository, such as ``'somebody/denoiser'``.
            **options: ``revision``, ``token``, ``cache_dir``, ``local_files_only``, ``force_download``.

        Raises:
            UserError: There is no such denoiser, or it is of another class.
        """
        from semrestore.weights.zoo import published

        name = str(pretrained_model_name_or_path).removeprefix('zoo:')
        if name in published():
            return cls._loaded(name)
        with explained(f"'{name}' is no published name ({', '.join(published())}) and no folder, and the hub"):
            return super().from_pretrained(name, **options)

    @classmethod
    def _from_pretrained(
        cls,
        *,
        model_id: str,
        revision: str | None,
        cache_dir: str | Path | None,
        force_download: bool,
        local_files_only: bool,
        token: str | bool | None,
        **_: Any,
    ) -> Self:
        if Path(model_id).is_dir():
            return cls._loaded(Path(model_id) / FILE)
        file = hf_hub_download(
            model_id,
            FILE,
            revision=revision,
            cache_dir=cache_dir,
            force_download=force_download,
            token=token,
            local_files_only=local_files_only,
        )
        return cls._loaded(file)

    @classmethod
    def _loaded(cls, weights: str | Path) -> Self:
        from semrestore.weights.build import load_denoiser

        denoiser = load_denoiser(weights)
        if not isinstance(denoiser, cls):
            raise UserError(f"'{weights}' holds a {type(denoiser).__name__}, no {cls.__name__}")
        return denoiser

    def _record(self) -> dict:
        from semrestore.weights.record import denoiser_record

        arguments = cast(dict, self._hub_mixin_config or {})
        record = denoiser_record(dict(type=type(self).__name__, **arguments))
        if record is None:
            raise UserError(f'the arguments of this {type(self).__name__} are nothing that a file can record as JSON')
        trained_on = any(part.requires_grad for part in self.parameters())  # so it is no longer what its file was
        return record if trained_on else {**(self.made or {}), **record}

    def _save_pretrained(self, save_directory: Path) -> None:
        from semrestore.weights.read import save_weights

        state = {f'denoiser.{key}': value for key, value in self.state_dict().items()}
        save_weights(state, save_directory / FILE, self._record())

    def generate_model_card(self, *args: Any, **values: Any) -> ModelCard:
        """Return the card: the network, how it was made, and what it reaches, as far as the file records it."""
        from semrestore.weights.zoo import figures

        record = self._record()
        name = record.get('name', 'FOLDER')
        told = [f'- {key}: {record[key]}' for key in TOLD if record.get(key) is not None]
        reached = figures(name) if 'name' in record else []
        lines = [
            '| noise | CBSD68, PSNR (dB) |',
            '| --- | ---: |',
            *(f'| {noise} | {value:.2f} |' for noise, value in reached),
        ]
        return ModelCard.from_template(
            self._hub_mixin_info.model_card_data,
            template_path=str(CARD),
            title=record.get('name', type(self).__name__),
            name=name,
            network=json.dumps(record['denoiser'], indent=2),
            parameters=f'{sum(part.numel() for part in self.parameters()):,}',
            made='\n'.join(told) or 'The file does not record it.',
            figures='\n'.join(lines) if reached else '',
            **values,
        )

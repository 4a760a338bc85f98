"""Share files among the processes of a job, and continue where an earlier start stopped.

The processes exchange nothing: each works out its own share from the same list of files.
"""

import json
import os
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

from semrestore.errors import UserError, explained
from semrestore.files import filling, read_text, sha256

__all__ = [
    'RECORD',
    'Share',
    'check_record',
    'end_together',
    'own_device',
    'settings_of',
    'share_of',
    'unfinished',
    'write_record',
]

RECORD = '.semrestore.json'
"""File in the folder of the results that says by what weights and options they were made."""

MIXED = {'mixed': True}
"""What the record says of a folder with results of different weights or options."""


class Share(NamedTuple):
    """Hold a process's part of a job."""

    rank: int = 0
    """Number of the process, from 0."""
    processes: int = 1
    """How many there are."""
    local_rank: int = 0
    """Number of the process on its machine, from 0."""

    def has(self, number: int) -> bool:
        """Return whether the file of this number (from 0) belongs to this process."""
        return number % self.processes == self.rank


def share_of(environment: Mapping[str, str]) -> Share:
    """Return this process's part of a job, from the variables of torchrun or of SLURM's ``srun``.

    A batch script of SLURM outside ``srun`` is not part of a job: it has no ``SLURM_STEP_NUM_TASKS``.

    Args:
        environment: Such as ``os.environ``.

    Raises:
        UserError: A variable is missing or no number, or the rank is not below the number of processes.

    >>> share = share_of({'RANK': '3', 'WORLD_SIZE': '8', 'LOCAL_RANK': '1'})
    >>> [number for number in range(20) if share.has(number)]
    [3, 11, 19]
    """
    for names in (
        ('RANK', 'WORLD_SIZE', 'LOCAL_RANK'),
        ('SLURM_PROCID', 'SLURM_STEP_NUM_TASKS', 'SLURM_LOCALID'),
    ):
        if names[1] in environment:
            given = {name: environment.get(name, '0' if name == names[2] else '') for name in names}
            wrong = [f'{name}={value}' for name, value in given.items() if not value.isdecimal()]
            share = Share(*map(int, given.values())) if not wrong else None
            if share is None or share.rank >= share.processes:
                shown = ', '.join(wrong or [f'{name}={value}' for name, value in given.items()])
                raise UserError(
                    f'the environment has {shown}; expected a rank from 0 to {names[1]} - 1. Start the processes by'
                    ' torchrun or srun, or unset these variables'
                )
            return share
    return Share()


def own_device(device: str | None, share: Share) -> str | None:
    """Return this process's own GPU if there are several and ``device`` names none."""
    import torch

    if share.processes == 1 or device not in (None, 'cuda') or not torch.cuda.is_available():
        return device
    return f'cuda:{share.local_rank % torch.cuda.device_count()}'


def settings_of(
    weights: str | None, config: dict | None, sigma: float | str | None, ensemble: bool, frames: bool
) -> dict[str, Any]:
    """Return what a result's pixels depend on besides the image, as JSON holds it.

    Size of tiles and batches, device and number of processes are left out: they change no more than the rounding.

    Args:
        weights: File of the weights, which goes by its SHA-256.
        config: Config of the denoiser, if one is given.
        sigma: Noise level on 0..255, ``'auto'`` or ``None``.
        ensemble: Whether eight orientations are averaged.
        frames: Whether films become PNG files.

    Raises:
        UserError: The weights cannot be read.
    """
    file = Path(weights).expanduser() if weights else None
    with explained(f"weights '{file}' cannot be read"):
        digest = sha256(file) if file and file.is_file() else None  # other paths are refused when they are loaded
    settings = dict(weights=digest, config=config, sigma=sigma, ensemble=ensemble, frames=frames)
    return json.loads(json.dumps(settings, sort_keys=True, default=str))


def unfinished(pairs: Sequence[tuple[Path, Path]]) -> list[tuple[Path, Path]]:
    """Return the pairs whose target is missing. Existing targets are whole."""
    return [(source, target) for source, target in pairs if not target.is_file()]


def check_record(out: Path, settings: dict, pairs: Sequence[tuple[Path, Path]]) -> None:
    """Raise an error if a folder's results were made with other weights or options.

    Args:
        out: Folder of the results.
        settings: From :func:`settings_of`.
        pairs: This process's sources and targets, finished or not.

    Raises:
        UserError: The record says otherwise, or there are results without a record.
    """
    begun = [target for _, target in pairs if target.exists() or target.with_suffix('').is_dir()]
    recorded = _read(out)
    if recorded is None:
        if begun:
            raise UserError(
                f"'{begun[0]}' exists, but '{out / RECORD}' does not, so it is unknown how it was made. Choose"
                ' another --out, or set --overwrite instead of --resume'
            )
        return
    if recorded == MIXED:
        raise UserError(
            f"'{out}' holds results of different weights or options; --resume expects results of one start."
            ' Choose another --out, or set --overwrite instead of --resume'
        )
    for key, value in settings.items():
        if recorded.get(key) != value:
            raise UserError(
                f"'{out / RECORD}' says that {key} was {json.dumps(recorded.get(key))}, but now it is"
                f' {json.dumps(value)}. Use the same weights and options as before, or choose another --out'
            )


def write_record(out: Path, settings: dict) -> None:
    """Record in the folder of the results how they are made; all processes may do so at once.

    Raises:
        UserError: The file cannot be written.
    """
    recorded = _read(out)
    if recorded not in (settings, MIXED):
        with filling(out) as partial:
            text = json.dumps(settings if recorded is None else MIXED, indent=1)
            (partial / RECORD).write_text(text + '\n', encoding='utf-8')


def end_together(share: Share, failed: bool) -> None:
    """Tell torchrun's other processes that this one is done, and if it failed, wait for them.

    torchrun stops all processes as soon as one ends with an error, and a single broken image is one.

    Args:
        share: This process's part.
        failed: Whether it will end with an error.
    """
    if share.processes == 1 or os.environ.get('TORCHELASTIC_USE_AGENT_STORE') != 'True':
        return
    from torch.distributed import PrefixStore, TCPStore

    shared = TCPStore(os.environ['MASTER_ADDR'], int(os.environ['MASTER_PORT']), is_master=False)
    store = PrefixStore(f'semrestore/{os.environ.get("TORCHELASTIC_RESTART_COUNT", 0)}', shared)
    if store.add('done', 1) == share.processes:
        store.set('all', '')
    if failed:
        store.wait(['all'], timedelta(days=365))


def _read(out: Path) -> dict | None:
    """Return the record, or ``None`` if there is none."""
    path = out / RECORD
    if not path.exists():
        return None
    try:
        recorded = json.loads(read_text(path, 'record'))
    except ValueError as error:
        raise UserError(f"record '{path}' is not JSON: {error}. Choose another --out, or delete the record") from None
    if not isinstance(recorded, dict):
        raise UserError(f"record '{path}' is not a JSON dict. Choose another --out, or delete the record")
    return recorded

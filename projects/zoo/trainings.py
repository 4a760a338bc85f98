"""Train what the plan lists and what is not trained yet, one after the other.

A run's folder holds its checkpoints and ``training.json``, which says how it began. Killed in whatever way, the queue
goes on from the last checkpoint, ten minutes old at most; the same machine then takes the same steps to the bit. A
training whose queue alone was killed runs on, and keeps its lock. Two queues side by side take different trainings.
"""

import fcntl
import json
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from mmengine.config import Config
from rich.console import Console
from rich.table import Table

from projects.zoo.pages import ROOT, STUDIES, read_rows
from semrestore.config import load_config
from semrestore.errors import UserError, explained, near
from semrestore.weights.read import latest_checkpoint
from semrestore.weights.zoo import published

PLAN, OUT = ROOT / 'projects/zoo/plan.py', ROOT / 'work_dirs/zoo'


@dataclass(frozen=True)
class Training:
    """Hold one entry of the plan."""

    name: str
    config: str
    """Below ``configs/``."""
    options: dict = field(default_factory=dict)
    """As behind ``--cfg-options``."""
    round: int = 1
    """Published weights of this name that are of an earlier round are to be trained anew."""
    after: Sequence[str] = ()
    """Trainings that have to be done before."""
    precision: Literal['bf16', 'float32'] | None = None
    """By default what the machine that begins is faster in; another that goes on keeps it."""
    then: Literal['publish', 'breadth', 'recognition', 'closing'] | None = None
    """What becomes of it: published weights, or rows of the table of a study (:data:`STUDIES`)."""
    sigma: float | Sequence[float] | None = None
    """The published weights' noise: a level, a range, or ``None`` for noise that no level describes."""
    data: str = 'bsds432, unlabelled628'

    def folder(self, out: Path) -> Path:
        """Return the folder of its run."""
        return out / (self.name if self.round == 1 else f'{self.name}-{self.round}')

    def arguments(self, out: Path) -> list[str]:
        """Return its options as texts; ``{out}`` stands for the folder of all runs."""
        return [f'{key}={value}'.replace('{out}', str(out)) for key, value in self.options.items()]

    def iterations(self) -> int:
        """Return how many it takes."""
        return load_config(ROOT / 'configs' / self.config, self.arguments(OUT)).train_cfg.max_iters

    def done(self, out: Path) -> bool:
        """Return whether nothing is left to do."""
        if (self.folder(out) / 'unmeasured').is_file():
            return False
        if self.then == 'publish':
            return published().get(self.name, {}).get('round', 0) >= self.round
        if self.then in STUDIES:
            return any(row['training'] == self.name for row in read_rows(STUDIES[self.then]))
        return (self.folder(out) / 'finished').is_file()


def read_plan(path: Path, names: Sequence[str] = ()) -> list[Training]:
    """Return the trainings of a plan, or those of them that are named.

    Raises:
        UserError: The plan cannot be read, or has no training of a name.
    """
    with explained(f"plan '{path}' cannot be read"):
        plan = {entry['name']: Training(**entry) for entry in Config.fromfile(path).plan}
    for name in names:
        if name not in plan:
            raise UserError(f"the plan has no training '{name}'.{near(name, plan)} It has: {', '.join(plan)}")
    return [training for name, training in plan.items() if not names or name in names]


def work(path: Path, names: Sequence[str], out: Path) -> None:
    """Train and publish what is not done, in the plan's order. The plan is read again after each training.

    Raises:
        UserError: A training failed; those that do not build on it are done.
    """
    failed: list[str] = []
    while (training := _next(path, names, out, failed)) is not None:
        with locked(training.folder(out)) as lock:
            if lock is None:
                continue  # another queue was quicker
            try:
                train(training, out, lock)
                finish(training, out)
            except UserError as error:
                print(f'{training.name}: {error}', file=sys.stderr, flush=True)
                failed.append(training.name)
    if failed:
        raise UserError(f'{", ".join(failed)} failed')
    if rest := [training.name for training in read_plan(path, names) if not training.done(out)]:
        print(f'another queue trains {", ".join(rest)}, or has to train what they start from (see --status)')
    else:
        print('nothing is left to train')


def _next(path: Path, names: Sequence[str], out: Path, failed: Sequence[str]) -> Training | None:
    published.cache_clear()
    whole = {training.name: training for training in read_plan(path)}
    for training in read_plan(path, names):
        ready = all(whole[name].done(out) for name in training.after)
        if training.name not in failed and ready and not training.done(out) and not running(training.folder(out)):
            return training
    return None


@contextmanager
def locked(folder: Path, wait: bool = False) -> Iterator[int | None]:
    """Yield a folder's lock, or ``None`` if another process has it."""
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / 'lock', 'w') as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield None
        else:
            yield file.fileno()


def running(folder: Path) -> bool:
    """Return whether a training of a folder is running."""
    if not (folder / 'lock').is_file():
        return False
    with locked(folder) as ours:
        return ours is None


def train(training: Training, out: Path, lock: int) -> None:
    """Train, or continue a training, to the end of the config's schedule.

    Args:
        training: Of the plan.
        out: Folder of all runs.
        lock: Descriptor of the lock on the folder of this run.

    Raises:
        UserError: The training stopped with an error.
    """
    folder, arguments = training.folder(out), training.arguments(out)
    if (folder / 'finished').is_file():
        return
    begun = _begin(training, folder, arguments)
    print(f'{training.name}: training in {folder}, {begun["precision"]}', flush=True)
    command = [sys.executable, '-W', 'ignore', str(ROOT / 'tools/train.py'), str(ROOT / 'configs' / training.config)]
    command += ['--resume', '--work-dir', str(folder), '--cfg-options', *arguments]
    if not training.options:
        command.pop()
    if begun['precision'] == 'bf16':
        command.append('--force-amp')  # also where a slower machine goes on
    with open(folder / 'output.txt', 'a') as output:
        # The training inherits the lock, and keeps it should this process be killed.
        done = subprocess.run(command, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT, pass_fds=[lock])
    if done.returncode:
        text = (folder / 'output.txt').read_text(errors='replace').strip()
        raise UserError(
            f"the training stopped: {text.rpartition(chr(10))[2]} ('{folder / 'output.txt'}' has the whole output)"
        )
    (folder / 'finished').touch()


def _begin(training: Training, folder: Path, arguments: Sequence[str]) -> dict:
    """Return the record of how a run began."""
    from mmengine.device import get_device

    from benchmarks.measuring import processor
    from semrestore.engine import bf16_is_fast

    record = folder / 'training.json'
    if not record.is_file():
        config = load_config(ROOT / 'configs' / training.config, arguments)
        start = str(config.get('load_from') or '').removeprefix('zoo:')
        before = published().get(start) or _record(ROOT / start)
        begun = dict(
            precision=training.precision or ('bf16' if bf16_is_fast() else 'float32'),
            start=start or None,
            iterations=before.get('iterations', 0),
            wall_time_s=before.get('wall_time_s', 0),
            commit=subprocess.check_output(['git', 'rev-parse', 'HEAD'], cwd=ROOT, text=True).strip(),
            device=processor(get_device()),
        )
        record.write_text(json.dumps(begun, indent=2), encoding='utf-8')
    return json.loads(record.read_text(encoding='utf-8'))


def _record(path: Path) -> dict:
    """Return the training that the header of one of our files records."""
    from semrestore.weights.read import read_checkpoint
    from semrestore.weights.record import read_record

    return (read_record(read_checkpoint(path), path) or {}) if path.is_file() else {}


def finish(training: Training, out: Path) -> None:
    """Publish the result of a training, or record its figures."""
    from projects.zoo.measure import measure, rows_of_run, write_rows
    from projects.zoo.pages import write_pages
    from projects.zoo.publish import publish

    if training.then in STUDIES:
        table = STUDIES[training.then]
        rows = rows_of_run(training.then, training.name, training.folder(out))
        with locked(out / 'publishing', wait=True):
            write_rows(table, [row for row in read_rows(table) if row['training'] != training.name] + rows)
            write_pages()
    elif training.then == 'publish':
        unmeasured = training.folder(out) / 'unmeasured'
        with locked(out / 'publishing', wait=True):
            if not unmeasured.is_file():  # otherwise they are published, and their measurement failed
                publish(training, training.folder(out))
                unmeasured.touch()
            measure([training.name])
            write_pages()
            unmeasured.unlink()


def show(plan: Sequence[Training], out: Path) -> None:
    """Print where each training stands."""
    table = Table('training', 'state', 'iterations', 'PSNR so far (dB)', 'time left', box=None)
    for training in plan:
        folder, total = training.folder(out), training.iterations()
        reached, seconds, psnr = progress(folder)
        state = 'running' if running(folder) else 'stopped' if reached else 'open'
        if training.done(out):
            state, reached, seconds = 'done', total, None
        left = f'{seconds * (total - reached) / 3600:.1f} h' if seconds else '' if reached == total else '?'
        table.add_row(training.name, state, f'{reached:,} of {total:,}', f'{psnr:.2f}' if psnr else '', left)
    Console().print(table)


def progress(folder: Path) -> tuple[int, float | None, float | None]:
    """Return a run's last logged iteration, its seconds an iteration, and its last PSNR on held-out photos."""
    last, times, psnr = 0, [], None
    for path in sorted(folder.glob('*/vis_data/scalars.json')):
        for row in map(json.loads, path.read_text().splitlines()):
            if 'loss' in row:
                last = row['step']
                times.append(row['time'])
            psnr = row.get('held_out/PSNR', psnr)
    checkpoint = latest_checkpoint(folder) if folder.is_dir() else None
    if checkpoint:
        last = max(last, int(Path(checkpoint).stem.rpartition('_')[2]))
    return last, statistics.median(times[-10:]) if times else None, psnr

"""Commands in processes of their own, forked from a server that has the libraries loaded: they start in a moment."""

import multiprocessing
import os
import runpy
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import torch

_context = multiprocessing.get_context('forkserver')
_context.set_forkserver_preload(['tests.preloaded'])


class Done(NamedTuple):
    """How a process ended."""

    returncode: int
    stdout: str
    stderr: str


class Started:
    """A process that runs, its output in files."""

    def __init__(self, function: Callable, arguments: Sequence, threads: int, environment: dict[str, str]) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.outputs = [Path(self.folder.name) / name for name in ('stdout', 'stderr')]
        given = (function, tuple(arguments), threads, environment, [str(path) for path in self.outputs])
        self.process = _context.Process(target=_run, args=given)
        self.process.start()

    @property
    def pid(self) -> int:
        """The id of the process, which is also that of its group: the process and all that it starts."""
        return self.process.pid

    def wait_for(self, *paths: Path) -> None:
        """Wait until files are there, which the process writes."""
        while not all(path.exists() for path in paths):
            assert self.process.exitcode is None, self.outputs[1].read_text(errors='replace')
            time.sleep(0.02)

    def done(self, timeout: float = 120) -> Done:
        """Wait for the end."""
        self.process.join(timeout)
        if self.process.exitcode is None:
            os.killpg(self.pid, signal.SIGKILL)
            raise AssertionError(f'the process did not end in time: {self.outputs[1].read_text()}')
        result = Done(self.process.exitcode, *(path.read_text(errors='replace') for path in self.outputs))
        self.folder.cleanup()
        return result


def start(function: Callable, *arguments: object, threads: int = 1, **environment: str) -> Started:
    """Run a function of a test module in a process of its own."""
    return Started(function, arguments, threads, environment)


def start_command(*arguments: object, threads: int = 1, **environment: str) -> Started:
    """Run ``semrestore ...`` in a process of its own."""
    return start(_command, *map(str, arguments), threads=threads, **environment)


def command(*arguments: object, threads: int = 1, **environment: str) -> Done:
    """Run ``semrestore ...`` in a process of its own until it ends."""
    return start_command(*arguments, threads=threads, **environment).done()


def start_together(processes: int, function: Callable, *arguments: object, **environment: str) -> list[Started]:
    """Run a function in several processes that find each other as torchrun's do."""
    with socket.socket() as free:
        free.bind(('localhost', 0))
        port = free.getsockname()[1]
    shared = dict(MASTER_ADDR='localhost', MASTER_PORT=str(port), WORLD_SIZE=str(processes), **environment)
    return [start(function, *arguments, RANK=str(rank), LOCAL_RANK=str(rank), **shared) for rank in range(processes)]


def commands(processes: int, *arguments: object, **environment: str) -> list[Done]:
    """Run ``semrestore ... --launcher pytorch`` in several processes until they end."""
    given = [*map(str, arguments), '--launcher', 'pytorch']
    return [one.done() for one in start_together(processes, _command, *given, **environment)]


def run_module(name: str, *arguments: str) -> None:
    """Run a module as ``python -m NAME`` does, to be started in a process of its own."""
    sys.argv = [name, *arguments]
    runpy.run_module(name, run_name='__main__', alter_sys=True)


def _command(*arguments: str) -> None:
    from semrestore.__main__ import main

    sys.argv = ['semrestore', *arguments]
    sys.exit(main())


def _run(function: Callable, arguments: tuple, threads: int, environment: dict[str, str], outputs: list[str]) -> None:
    os.setsid()
    for descriptor, path in enumerate(outputs, 1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), descriptor)
    sys.stdout, sys.stderr = (
        open(number, 'w', buffering=1, closefd=False, errors=errors)  # noqa: SIM115
        for number, errors in ((1, 'strict'), (2, 'backslashreplace'))  # as Python opens them
    )
    os.environ.update(environment)
    sys.path[:0] = filter(None, environment.get('PYTHONPATH', '').split(os.pathsep))
    os.chdir(environment.get('CWD', '.'))
    torch.set_num_threads(threads)
    function(*arguments)

"""The parent's end of a worker process: start it, ask it, end it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from sidecar.tasks import MAX_LINE, EvaluateTask, Hello, SearchTask, decode_hello, encode_task
from sidecar.visibility import narrow

HELLO_TIMEOUT_S: Final = 300
"""Importing torch, compiling, and the self-test, on a machine that is busy."""
CARD_HELLO_TIMEOUT_S: Final = 570
"""The same on a card, whose kernels are many the first time; below what systemd waits for the unit."""
TASK_TIMEOUT_S: Final = 600
"""Drawing the largest profile's weights on a slow device is the longest that a task may take."""
EXIT_TIMEOUT_S: Final = 2
LIST_TIMEOUT_S: Final = 60
DRIVERS: Final = (Path("/dev/nvidiactl"), Path("/dev/kfd"), Path("/dev/dxg"))
"""Where there is none of these there is no GPU, and torch need not be loaded to find out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceSpec:
    """A device to work on: its index in the nonces, torch's name, CPU threads, and the profiles to test and offer."""

    index: int
    name: str
    threads: int
    profiles: tuple[str, ...]


class WorkerDiedError(ConnectionError):
    """The worker ended, hung or spoke nonsense; its task is not done, and it is gone."""


class Device:
    """A running worker.  One task at a time."""

    def __init__(self, process: asyncio.subprocess.Process, hello: Hello) -> None:
        self._process = process
        self.hello = hello

    @property
    def pid(self) -> int:
        """The worker's process id."""
        return self._process.pid

    @classmethod
    async def open(cls, spec: DeviceSpec) -> Device:
        """Start a worker and wait for its `hello`, which says how the self-test went.  Raises WorkerDiedError."""
        seen, variables = narrow(spec.name, os.environ)
        words = (seen, str(spec.threads), ",".join(spec.profiles))
        process = await spawn("sidecar.worker", *words, threads=spec.threads, variables=variables)
        try:
            timeout_s = HELLO_TIMEOUT_S if spec.name == "cpu" else CARD_HELLO_TIMEOUT_S
            hello = decode_hello(await _read_line(process, timeout_s))
        except BaseException:
            await end(process)
            raise
        return cls(process, _rename(hello, seen, spec.name))

    async def run(self, task: SearchTask | EvaluateTask) -> dict[str, Any]:
        """The parsed answer to a task.  Raises WorkerDiedError."""
        pipe = get_input(self._process)
        try:
            pipe.write(encode_task(task))
            await pipe.drain()
        except ConnectionError as error:
            raise WorkerDiedError("the worker reads no more") from error
        line = await _read_line(self._process, TASK_TIMEOUT_S)
        try:
            answer: dict[str, Any] = json.loads(line)
        except ValueError as error:
            raise WorkerDiedError("the worker's answer cannot be read") from error
        return answer

    async def wait(self) -> None:
        """Return when the worker has ended."""
        await self._process.wait()

    async def close(self) -> None:
        """End the worker: it leaves when its input closes, and is killed when it does not."""
        await end(self._process)


async def list_devices() -> tuple[str, ...]:
    """Every device of this machine by torch's name: its GPUs, or the CPU where there is none.  WorkerDiedError."""
    if not _has_driver():
        return ("cpu",)
    process = await spawn("sidecar.worker", "list", threads=1, variables={})
    try:
        return tuple((await _read_line(process, LIST_TIMEOUT_S)).decode().split())
    finally:
        await end(process)


def _has_driver() -> bool:
    return any(path.exists() for path in DRIVERS)


def _rename(hello: Hello, seen: str, name: str) -> Hello:
    """What a worker says of the only card that it sees, under the card's name here."""
    refused = tuple((backend, reason.replace(seen, name)) for backend, reason in hello.refused)
    return replace(hello, device=name, refused=refused)


async def spawn(module: str, *words: str, threads: int, variables: Mapping[str, str]) -> asyncio.subprocess.Process:
    """A child on pipes, with these variables too; its idle threads wait without spinning: others need the cores."""
    environ = {
        "OMP_WAIT_POLICY": "passive",
        "OMP_NUM_THREADS": str(threads),
        "GNK_SIDECAR_PID": str(os.getpid()),
    }
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # children inherit it: Ctrl-C is the parent's to handle
    try:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", module, *words),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=os.environ | environ | dict(variables),
            limit=MAX_LINE,
        )
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


async def _read_line(process: asyncio.subprocess.Process, timeout_s: float) -> bytes:
    if process.stdout is None:
        raise AssertionError("a worker is started with pipes")
    try:
        async with asyncio.timeout(timeout_s):
            line = await process.stdout.readline()
    except TimeoutError as error:
        raise WorkerDiedError(f"no answer in {timeout_s} s") from error
    except ValueError as error:
        raise WorkerDiedError("the worker's line is too long") from error
    if not line.endswith(b"\n"):
        raise WorkerDiedError("the worker ended")
    return line


async def end(process: asyncio.subprocess.Process) -> None:
    """End a child: it leaves when its input closes, and is killed when it does not."""
    get_input(process).close()
    try:
        async with asyncio.timeout(EXIT_TIMEOUT_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


def get_input(process: asyncio.subprocess.Process) -> asyncio.StreamWriter:
    """A child's input."""
    if process.stdin is None:
        raise AssertionError("a worker is started with pipes")
    return process.stdin

"""CometBFT as a child process: found, started, its log forwarded, started again when it dies, given up in the end."""

import asyncio
import json
import os
import shutil
import sys
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, NoReturn

import structlog

from chain.engine import leash
from chain.engine.abci_server import Answer, listening
from chain.engine.application import CheckResult
from chain.engine.blocklog import LoggedBlock
from chain.engine.clock import Clock
from chain.engine.cometbft_home import Sockets
from chain.engine.cometbft_rpc import broadcast_tx
from chain.engine.errors import EngineError
from chain.engine.tip import Tip
from chain.store.errors import StoreError

MAX_FAILURES: Final = 6
"""Ends of CometBFT without a block between them, after which it is given up."""
STOP_TIMEOUT_S: Final = 10
_LONGEST_PAUSE_S: Final = 5
_SECOND_NS: Final = 10**9
_KEPT_LINES: Final = 3
_KEPT_TEXT: Final = 300
_LONGEST_TEXT: Final = 1000
_LEVELS: Final = {"debug", "info", "error"}
_CONSENSUS_FAILED: Final = "CONSENSUS FAILURE"
"""What CometBFT says when its consensus has panicked: its process lives on, and never makes another block."""
_NO_ROOM: Final = "no space left on device"

log = structlog.get_logger("cometbft")


def find_cometbft(environ: Mapping[str, str]) -> Path:
    """The program: what GNK_COMETBFT names, else `cometbft` on PATH or in .bin.  EngineError cometbft_missing."""
    named = environ.get("GNK_COMETBFT", "")
    places = [named] if named else ["cometbft", ".bin/cometbft"]
    for place in places:
        found = shutil.which(place, path=environ.get("PATH"))
        if found:
            return Path(found).absolute()
    raise EngineError("cometbft_missing", f"neither {' nor '.join(places)} can be run")


class CometbftEngine:
    """The blocks that CometBFT decides, as they are committed to `tip`."""

    def __init__(self, *, tip: Tip, command: Sequence[str], sockets: Sockets, clock: Clock) -> None:
        self._tip = tip
        self._clock = clock
        self._command = command
        self._sockets = sockets

    @property
    def last(self) -> LoggedBlock | None:
        """The last committed block, None before the first."""
        return self._tip.last

    @property
    def height(self) -> int:
        """The height of the last committed block, 0 before the first."""
        return self._tip.height

    async def wait_for_height(self, height: int) -> None:
        """Return once the block of `height` is committed; the caller sets the deadline."""
        await self._tip.wait_for_height(height)

    def submit(self, tx: bytes) -> Awaitable[CheckResult]:
        """Let `tx` wait in CometBFT's mempool if it passes; see broadcast_tx."""
        return broadcast_tx(self._sockets.rpc, tx)

    async def run(self, answer: Answer) -> None:
        """Serve ABCI by `answer`, and keep CometBFT running, until cancelled.

        EngineError cometbft_failed; ExceptionGroup with what `answer` raised.
        """
        async with listening(self._sockets.app, answer):
            await supervise(self._command, self._prepare, self._clock)

    def _prepare(self) -> int:
        """A socket that a killed CometBFT left behind is in the way of the next.  Returns the height."""
        self._sockets.rpc.unlink(missing_ok=True)
        return self._tip.height


async def supervise(command: Sequence[str], prepare: Callable[[], int], clock: Clock) -> NoReturn:
    """Keep a program running; it is stopped when this is cancelled, and when it says that its consensus failed.

    `prepare` is called before each start, and says a height; EngineError cometbft_failed after MAX_FAILURES ends
    between which it did not rise; StoreError store_full where it had no room for its own files.
    """
    failures, height = 0, prepare()
    while True:
        status, last_lines = await _run(command)
        before, height = height, prepare()
        failures = 1 if height > before else failures + 1
        last_words = " / ".join(last_lines)
        log.error("cometbft_ended", status=status, failures=failures, height=height)
        if _NO_ROOM in last_words:
            raise StoreError("store_full", last_words)
        if failures >= MAX_FAILURES:
            raise EngineError("cometbft_failed", f"status {status}: {last_words}")
        await clock.sleep_ns(min(failures, _LONGEST_PAUSE_S) * _SECOND_NS)


async def _run(command: Sequence[str]) -> tuple[int | None, deque[str]]:
    """Run the program to its end; its status and last lines."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-I", "-S", leash.__file__, str(os.getpid())),
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    failed = asyncio.Event()
    forwarding = asyncio.create_task(_forward(process, failed))
    waiting = [asyncio.create_task(process.wait()), asyncio.create_task(failed.wait())]
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in waiting:
            task.cancel()
        await _stop(process)
        last_lines = await forwarding
    return process.returncode, last_lines


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.terminate()
    try:
        async with asyncio.timeout(STOP_TIMEOUT_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


async def _forward(process: asyncio.subprocess.Process, failed: asyncio.Event) -> deque[str]:
    """Log every line that the process writes; the last ones, or that its consensus `failed`, which is told at once."""
    last: deque[str] = deque(maxlen=_KEPT_LINES)
    if process.stdout is None:
        raise AssertionError("it was started without a pipe")
    while True:
        try:
            line = await process.stdout.readline()
        except ValueError:  # longer than asyncio keeps; what it holds of it is dropped
            continue
        if not line:
            return last
        text = line.decode(errors="replace").rstrip()
        if not text:  # of a line that was too long only its end may be left
            continue
        words = _log_line(text)
        if not failed.is_set():
            last.append(words[:_KEPT_TEXT])
        if words.startswith(_CONSENSUS_FAILED):
            failed.set()


def _log_line(text: str) -> str:
    """Log a line; its words, of CometBFT's own lines with the error that they name."""
    said: object = None
    with suppress(ValueError):
        said = json.loads(text)
    if not isinstance(said, dict):
        log.warning("cometbft_output", text=text[:_LONGEST_TEXT])
        return text
    level, message = said.pop("level", ""), said.pop("_msg", "")
    fields = {f"cometbft_{name}": value for name, value in said.items() if name != "ts"}
    getattr(log, level if level in _LEVELS else "warning")("cometbft_log", said=message, **fields)
    return f"{message}: {said['err']}" if "err" in said else f"{message}"

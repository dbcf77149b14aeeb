"""Child processes of a local network: started with a log file, awaited, stopped or killed."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from chain_client.errors import PermanentError

STOP_TIMEOUT_S = 10


@dataclass(slots=True, kw_only=True)
class Child:
    """A `gnk` command that runs on its own; owned by who started it.

    `words` are the command line after `gnk`; output goes to `log`, appended over restarts.  `module` is what runs.
    """

    name: str
    words: tuple[str, ...]
    log: Path
    module: str = "cli"
    process: asyncio.subprocess.Process | None = field(default=None)

    async def start(self) -> None:
        """Starts it in a process group of its own; idle threads of its math libraries wait without spinning."""
        environ = {**os.environ, "OMP_WAIT_POLICY": "passive", "PYTHONUNBUFFERED": "1"}
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", self.module, *self.words),
                stdout=log,
                stderr=log,
                env=environ,
                start_new_session=True,
            )

    @property
    def is_running(self) -> bool:
        """Whether it was started and has not ended."""
        return self.process is not None and self.process.returncode is None

    async def kill(self) -> None:
        """SIGKILL to it and to all it started."""
        if self.process is not None:
            _signal_group(self.process.pid, signal.SIGKILL)
            await self.process.wait()

    async def stop(self) -> None:
        """SIGTERM, then SIGKILL after STOP_TIMEOUT_S; returns when it and its group are gone."""
        if self.process is None:
            return
        if self.process.returncode is None:
            self.process.terminate()
            with suppress(TimeoutError):
                async with asyncio.timeout(STOP_TIMEOUT_S):
                    await self.process.wait()
        _signal_group(self.process.pid, signal.SIGKILL)
        await self.process.wait()

    def check_running(self) -> None:
        """Raises PermanentError `process_ended` with the last lines of the log when it has ended by itself."""
        if not self.is_running:
            tail = self.log.read_text(errors="replace").splitlines()[-8:] if self.log.exists() else []
            status = self.process.returncode if self.process else None
            raise PermanentError("process_ended", f"{self.name} ended with status {status}: " + "\n".join(tail))


def _signal_group(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(pid, number)

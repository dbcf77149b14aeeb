"""Processes that outlive the command that started them, found again by a pid file.

The file holds the process id and the kernel's start time of that process, so that a reused id is not mistaken for it.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from chain_client.errors import PermanentError

STOP_TIMEOUT_S = 10.0
START_TIMEOUT_S = 90.0
POLL_S = 0.05
LOG_LINES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptProcess:
    """A `gnk` command, its words after `gnk`; `directory` holds NAME.pid and NAME.log."""

    name: str
    words: tuple[str, ...]
    directory: Path

    @property
    def log(self) -> Path:
        """What it prints, appended over restarts."""
        return self.directory / f"{self.name}.log"

    @property
    def pid(self) -> int | None:
        """Its process id, None while it does not run.

        Where who started it was killed before it wrote the pid file, it is found by its command line.
        """
        try:
            pid, started = (int(word) for word in self._pid_file.read_text().split())
        except (OSError, ValueError):
            return _find_process([sys.executable, "-m", "cli", *self.words])
        return pid if _read_start_time(pid) == started else None

    def start(self) -> None:
        """Start it in a session of its own, unless it runs."""
        if self.pid is not None:
            return
        environ = {**os.environ, "OMP_WAIT_POLICY": "passive", "PYTHONUNBUFFERED": "1"}
        line = [sys.executable, "-m", "cli", *self.words]
        output = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        files = [
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(self.log), output, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ]
        pid = os.posix_spawn(sys.executable, line, environ, file_actions=files, setsid=True)
        self._pid_file.write_text(f"{pid} {_read_start_time(pid)}\n")

    def ask_to_stop(self) -> None:
        """SIGTERM."""
        pid = self.pid
        if pid is not None:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)

    def stop(self) -> None:
        """SIGTERM, then SIGKILL after STOP_TIMEOUT_S, to it and whatever it started."""
        pid = self.pid
        if pid is None:
            return
        self.ask_to_stop()
        deadline = time.monotonic() + STOP_TIMEOUT_S
        while self.pid is not None and time.monotonic() < deadline:
            time.sleep(POLL_S)
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
        self._pid_file.unlink(missing_ok=True)

    def wait_for(self, path: Path) -> None:
        """Return once the process has made `path`.

        Raises PermanentError `process_ended` when it ends before, or takes longer than START_TIMEOUT_S.
        """
        deadline = time.monotonic() + START_TIMEOUT_S
        while not path.exists():
            if self.pid is None or time.monotonic() > deadline:
                tail = self.log.read_text(errors="replace").splitlines()[-LOG_LINES:]
                raise PermanentError("process_ended", f"{self.name} did not start:\n" + "\n".join(tail))
            time.sleep(POLL_S)

    @property
    def _pid_file(self) -> Path:
        return self.directory / f"{self.name}.pid"


def _read_start_time(pid: int) -> int | None:
    """Clock ticks from boot to the start of a process, None for one that has ended.  Source: proc(5), stat."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] == "Z" else int(fields[19])


def _find_process(line: Sequence[str]) -> int | None:
    """The process with this command line, None where there is none."""
    wanted = b"".join(word.encode() + b"\0" for word in line)
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            if path.read_bytes() == wanted:
                return int(path.parent.name)
    return None

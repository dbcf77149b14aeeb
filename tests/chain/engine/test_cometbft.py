"""The supervision of a child: found, forwarded, started again, given up, and gone with us.  Any program will do."""

import asyncio
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from chain.engine import leash
from chain.engine.cometbft import MAX_FAILURES, find_cometbft, supervise
from chain.engine.errors import EngineError
from chain.store.errors import StoreError

TIMEOUT_S = 20


class Clock:
    """Waits for nothing, and says what it was asked to wait for."""

    def __init__(self) -> None:
        self.waited: list[int] = []

    def time_ns(self) -> int:
        return 0

    async def sleep_ns(self, duration_ns: int) -> None:
        self.waited.append(duration_ns // 10**9)
        await asyncio.sleep(0)


def program(path: Path, text: str) -> Path:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def test_find_cometbft__named_on_the_path_or_in_bin__is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".bin").mkdir()
    in_bin = program(tmp_path / ".bin" / "cometbft", "true")
    assert find_cometbft({"PATH": "/nowhere"}) == in_bin
    (tmp_path / "path").mkdir()
    on_path = program(tmp_path / "path" / "cometbft", "true")
    assert find_cometbft({"PATH": str(on_path.parent)}) == on_path
    named = program(tmp_path / "mine", "true")
    assert find_cometbft({"PATH": str(on_path.parent), "GNK_COMETBFT": str(named)}) == named


@pytest.mark.parametrize("environ", [{"PATH": "/nowhere"}, {"PATH": "/usr/bin:/bin", "GNK_COMETBFT": "/nowhere/it"}])
def test_find_cometbft__nowhere__names_the_line_that_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, environ: dict[str, str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(EngineError) as caught:
        find_cometbft(environ)
    assert caught.value.code == "cometbft_missing"
    assert "go install github.com/cometbft/cometbft/cmd/cometbft@v0.38.25" in caught.value.fault.next_step


def run(command: list[str], heights: list[int], clock: Clock) -> None:
    """`heights` are those before each start and after each end, the last of them for ever."""
    left = iter(heights)

    async def story() -> None:
        async with asyncio.timeout(TIMEOUT_S):
            await supervise(command, lambda: next(left, heights[-1]), clock)

    asyncio.run(story())


def test_supervise__ends_without_a_block__is_given_up_with_its_last_words(tmp_path: Path) -> None:
    clock = Clock()
    command = [str(program(tmp_path / "p", "echo panic: no luck; exit 3"))]
    with pytest.raises(EngineError, match="cometbft_failed: status 3: panic: no luck"):
        run(command, [0], clock)
    assert clock.waited == [1, 2, 3, 4, 5]


def test_supervise__a_block_between_two_ends__counts_anew(tmp_path: Path) -> None:
    clock = Clock()
    command = [str(program(tmp_path / "p", "exit 1"))]
    with pytest.raises(EngineError):
        run(command, [0, 0, 0, 0, 7], clock)
    assert clock.waited == [1, 2, 3, 1, 2, 3, 4, 5]
    assert len(clock.waited) == MAX_FAILURES + 2


FAILS = """
echo '{"level":"info","_msg":"before"}'
echo '{"level":"error","_msg":"CONSENSUS FAILURE!!!","stack":"long","err":"%s"}'
echo '{"level":"info","_msg":"and so on"}'
exec sleep 60
"""


def test_supervise__it_lives_on_without_consensus__is_ended_and_started_again(tmp_path: Path) -> None:
    """CometBFT's process outlives a panic of its consensus, and would make no block for ever."""
    clock = Clock()
    with pytest.raises(EngineError, match=r"cometbft_failed: .*CONSENSUS FAILURE!!!: out of luck$"):
        run([str(program(tmp_path / "p", FAILS % "out of luck"))], [0], clock)
    assert clock.waited == [1, 2, 3, 4, 5]


def test_supervise__no_room_for_its_own_files__is_a_full_disk_at_once(tmp_path: Path) -> None:
    clock = Clock()
    with pytest.raises(StoreError, match=r"store_full: .*write /x: no space left on device"):
        run([str(program(tmp_path / "p", FAILS % "write /x: no space left on device"))], [0], clock)
    assert clock.waited == []


def test_supervise__lines_of_the_program__are_logged(tmp_path: Path) -> None:
    text = """
echo '{"level":"info","_msg":"it began","module":"main","ts":"now"}'
echo '{"level":"fatal","_msg":"hm"}'
echo plain
head -c 200000 /dev/zero | tr '\\0' x
echo
echo '[1]' >&2
"""
    with capture_logs() as logs, pytest.raises(EngineError):
        run([str(program(tmp_path / "p", text))], [0], Clock())
    end = next(place for place, entry in enumerate(logs) if entry["event"] == "cometbft_ended")
    said = [{name: value for name, value in entry.items() if name != "event"} for entry in logs[:end]]
    assert all(len(entry.get("text", "")) <= 1000 for entry in said)
    assert [entry for entry in said if "xx" not in entry.get("text", "")] == [
        {"log_level": "info", "said": "it began", "cometbft_module": "main"},
        {"log_level": "warning", "said": "hm"},
        {"log_level": "warning", "text": "plain"},
        {"log_level": "warning", "text": "[1]"},
    ]


def test_supervise__cancelled__stops_the_program(tmp_path: Path) -> None:
    command = [str(program(tmp_path / "p", f"echo $$ > {tmp_path}/pid; exec sleep 60"))]

    async def start_and_cancel() -> None:
        task = asyncio.create_task(supervise(command, lambda: 0, Clock()))
        async with asyncio.timeout(TIMEOUT_S):
            while not (tmp_path / "pid").exists():  # noqa: ASYNC110  # another process writes it
                await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(start_and_cancel())
    assert not Path("/proc", (tmp_path / "pid").read_text().strip()).exists()


def test_leash__the_parent_is_killed__takes_the_program_along(tmp_path: Path) -> None:
    code = f"""
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-I", "-S", {leash.__file__!r}, str(os.getpid()), "/bin/sleep", "60"])
print(child.pid, flush=True)
time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as parent:
        child = Path("/proc", parent.stdout.readline().strip())
        await_that(lambda: b"/bin/sleep" in (child / "cmdline").read_bytes())
        parent.send_signal(signal.SIGKILL)
    await_that(lambda: not child.exists() or "Z" in (child / "stat").read_text().split()[2])


def await_that(holds) -> None:
    deadline = time.monotonic() + TIMEOUT_S
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_leash__the_parent_is_gone_already__does_nothing() -> None:
    words = [sys.executable, "-I", "-S", leash.__file__, str(os.getpid() + 10**6), "/bin/echo", "no"]
    assert subprocess.run(words, capture_output=True, check=True, timeout=TIMEOUT_S).stdout == b""

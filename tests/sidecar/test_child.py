"""A child's life ends with its parent's."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

PARENT = """
import os, subprocess, sys
os.environ["GNK_SIDECAR_PID"] = str(os.getpid())
child = subprocess.Popen([sys.executable, "-m", "sidecar.child", "/bin/sleep", "100"])
print(child.pid, flush=True)
child.wait()
"""


def is_running(pid: int) -> bool:
    status = Path(f"/proc/{pid}/stat")
    return status.exists() and status.read_text().split()[2] != "Z"


def test_main__the_parent_is_killed__the_program_it_started_dies_too() -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    with parent.stdout as lines:
        child = int(lines.readline())
    give_up = time.monotonic() + 60
    while b"sleep" not in Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0")[0]:
        assert time.monotonic() < give_up
        time.sleep(0.02)
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait(10)
    while is_running(child):
        assert time.monotonic() < give_up
        time.sleep(0.02)


def test_main__started_by_another_than_the_parent__does_nothing() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "sidecar.child", "/bin/echo", "hello"],
        env={**os.environ, "GNK_SIDECAR_PID": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert "the parent is gone" in done.stderr

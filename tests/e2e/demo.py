"""`gnk demo` as a process, and the block log it leaves, replayed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

DEMO_TIMEOUT_S = 1_200
REPLAY_TIMEOUT_S = 300
REPLAYS = (("0", False), ("1", False), ("12345", False), ("random", True))
"""PYTHONHASHSEED, and whether the store is closed and opened after every block."""


def run_demo(directory: Path) -> dict[str, Any]:
    """What the demo printed as JSON, its homes being in `directory`.  Raises AssertionError when it did not hold."""
    done = run_gnk("demo", "--json", "--dir", str(directory), timeout_s=DEMO_TIMEOUT_S)
    assert done.returncode == 0, done.stderr[-4_000:]
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def export_blocks(directory: Path) -> Path:
    """The block log of a demo that has ended, as a file beside its homes."""
    path = directory / "blocks.jsonl"
    done = run_gnk("chain", "export", "--blocks", "--home", str(directory / "chain"), timeout_s=REPLAY_TIMEOUT_S)
    assert done.returncode == 0, done.stderr[-4_000:]
    path.write_text(done.stdout)
    return path


def read_app_hashes(blocks: Path) -> list[tuple[int, str]]:
    """(height, app hash) of every block in a log."""
    lines = [json.loads(line) for line in blocks.read_text().splitlines()[1:]]
    return [(line["height"], line["app_hash"]) for line in lines]


def replay_blocks(blocks: Path, hash_seed: str, *, restart: bool) -> list[tuple[int, str]]:
    """(height, app hash) after every block, as another process comes to them."""
    words = ("chain", "replay", str(blocks), *(("--restart-each-block",) if restart else ()))
    done = run_gnk(*words, timeout_s=REPLAY_TIMEOUT_S, PYTHONHASHSEED=hash_seed)
    assert done.returncode == 0, done.stderr[-4_000:]
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return [(line["height"], line["app_hash"]) for line in lines]


def run_gnk(*words: str, timeout_s: float, **environ: str) -> subprocess.CompletedProcess[str]:
    """A `gnk` command that has ended."""
    return subprocess.run(
        [sys.executable, "-m", "cli", *words],
        capture_output=True,
        text=True,
        timeout=timeout_s,
        env=os.environ | environ,
        check=False,
    )

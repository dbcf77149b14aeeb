"""The demo again and again, each block log replayed: `python -m tests.e2e.demos`.  Prints a line for each."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.e2e.demo import REPLAYS, export_blocks, read_app_hashes, replay_blocks, run_demo


def main() -> None:
    """Exits 1 when one of them did not hold; its directory is left."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=10)
    arguments = parser.parse_args()
    failed = 0
    for number in range(1, arguments.times + 1):
        directory = Path(tempfile.mkdtemp(prefix="gnk-demos-"))
        try:
            told = check_demo(directory / "demo")
        except AssertionError as error:
            failed += 1
            told = f"FAILED, see {directory}: {error}"
        print(f"demo {number} of {arguments.times}: {told}", flush=True)
    sys.exit(1 if failed else 0)


def check_demo(directory: Path) -> str:
    """One run and its replays in a line.  Raises AssertionError when anything did not hold."""
    report = run_demo(directory)
    blocks = export_blocks(directory)
    app_hashes, began = read_app_hashes(blocks), time.monotonic()
    for hash_seed, restart in REPLAYS:
        assert replay_blocks(blocks, hash_seed, restart=restart) == app_hashes, f"PYTHONHASHSEED={hash_seed}"
    hosts = ", ".join(f"{host['claimed']} {host['verdict']} {host['units']}" for host in report["hosts"])
    replayed = f"{len(app_hashes)} blocks replayed {len(REPLAYS)} times alike in {time.monotonic() - began:.0f} s"
    return f"{report['duration_s']:.0f} s; {hosts}; proposal {report['proposal']['status']}; {replayed}"


if __name__ == "__main__":
    main()

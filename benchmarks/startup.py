"""How long the command line takes to start: `python -m benchmarks.startup`.

Each figure is the shortest of 20 processes, wall clock, started one after the other; `python -c pass` is what the
interpreter takes by itself.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

RUNS = 20
GNK = str(Path(sys.executable).with_name("gnk"))
COMMANDS = (
    (sys.executable, "-c", "pass"),
    (GNK, "--help"),
    (GNK, "host", "run", "--help"),
    (GNK, "explain", "claim_bond_missing"),
)


def main() -> None:
    """Print the figures; nothing is asserted."""
    for command in COMMANDS:
        times = sorted(_time(command) for _ in range(RUNS))
        name = " ".join((Path(command[0]).name, *command[1:]))
        print(f"{name}: {times[0] * 1000:.0f} ms (median {times[RUNS // 2] * 1000:.0f})")


def _time(command: tuple[str, ...]) -> float:
    began = time.monotonic()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return time.monotonic() - began


if __name__ == "__main__":
    main()

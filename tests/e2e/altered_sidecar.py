"""A sidecar whose network was altered after it was loaded: `python -m tests.e2e.altered_sidecar ALTERATION GNK-WORDS`.

It is the product's own sidecar and engine in all else, and says that it runs the chain's model: the files are that
model's.  Only its engine's process is another: this module again, which alters what it has loaded.
"""

from __future__ import annotations

import asyncio
import os
import runpy
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import torch

from detection.hosts import ALTERATIONS, Cheat
from sidecar.child import die_with_parent
from sidecar.device import spawn
from sidecar.inference import embedded, process
from sidecar.inference.network import Network

ROOT: Final = Path(__file__).resolve().parents[2]
ENGINE: Final = "sidecar.inference.process"
VARIABLE: Final = "GNK_TEST_ALTERATION"


def _round_all(network: Any) -> None:
    """Weights and activations in the type of cards: an honest host on other hardware."""
    network.to(torch.bfloat16)


KINDS: Final[Mapping[str, Any]] = {
    "bf16": _round_all,
    "int4": ALTERATIONS[Cheat.INT4],
    "int8": ALTERATIONS[Cheat.INT8],
    "half": ALTERATIONS[Cheat.HALF],
}


async def _spawn(module: str, *words: str, threads: int, variables: Mapping[str, str]) -> asyncio.subprocess.Process:
    """As the sidecar starts its children, but this module for an engine."""
    here = __spec__.name if module == ENGINE and __spec__ else module
    return await spawn(here, *words, threads=threads, variables=variables)


def _serve(alteration: str, words: list[str]) -> None:
    """Run `gnk` with a sidecar whose engine is altered."""
    paths = [str(ROOT), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    os.environ |= {VARIABLE: alteration, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    embedded.spawn = _spawn
    sys.argv = ["gnk", *words]
    runpy.run_module("cli", run_name="__main__", alter_sys=True)


def _compute(folder: str, device: str) -> None:
    """Run the engine with what `Network.open` loads, altered."""
    alter, load = KINDS[os.environ[VARIABLE]], Network.open

    def load_altered(place: Path, name: str) -> Network:
        network = load(place, name)
        alter(network._model)  # what a host does to its own software is not ours to offer
        return network

    Network.open = load_altered  # type: ignore[method-assign, assignment]
    process.main(folder, device)


if __name__ == "__main__":
    if VARIABLE in os.environ:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        die_with_parent(int(os.environ["GNK_SIDECAR_PID"]))
        _compute(*sys.argv[1:])
    else:
        _serve(sys.argv[1], sys.argv[2:])

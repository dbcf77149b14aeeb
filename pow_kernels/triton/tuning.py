"""In which tiles a product's kernel works: measured once on a card, and kept on disk by card, kernel and shape."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cache
from hashlib import sha256
from math import inf
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import torch
import triton
from triton.compiler.errors import CompileTimeAssertionFailure
from triton.runtime.errors import OutOfResources, PTXASError

from pow_kernels.backends.backend import BackendError

INTERPRETED: Final = bool(triton.knobs.runtime.interpret)
"""Whether kernels run on the CPU, one program after another: TRITON_INTERPRET=1 when they were imported."""
ROW_CLASSES: Final = (512, 4096)
"""Products of so many rows take their tiles together; the self-test meets each class before a Sprint does."""
WARMUP_MS: Final = 5
REPEAT_MS: Final = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """Rows, outputs and inputs that a program works on at a time, with its warps and the stages of its pipeline."""

    m: int
    n: int
    k: int
    warps: int
    stages: int


TILES: Final = tuple(
    Tile(m=m, n=n, k=k, warps=warps, stages=stages)
    for m, n, k, warps, stages in (
        (128, 256, 64, 8, 4),
        (128, 128, 128, 8, 3),
        (128, 128, 64, 4, 4),
        (64, 128, 128, 4, 3),
        (64, 64, 64, 4, 4),
        (32, 64, 128, 4, 4),
    )
)
INTERPRETED_TILE: Final = Tile(m=64, n=64, k=64, warps=4, stages=1)
Launch = Callable[[Tile], object]
_chosen: dict[tuple[object, ...], Tile] = {}


def choose_tile(kernel: Any, shape: tuple[int, ...], rows: int, device: torch.device, launch: Launch) -> Tile:
    """The tile for a kernel's product of so many rows; `launch` runs it.  BackendError where none fits the card.

    Measures at the first call for a shape and class of rows, so never while a graph is recorded.
    """
    if INTERPRETED:
        return INTERPRETED_TILE
    place = (device, kernel.fn.__name__, *shape, classify(rows))
    if place not in _chosen:
        words = (triton.__version__, kernel.cache_key, name_card(device), str(place[1:]))
        name = sha256("\n".join(words).encode()).hexdigest()
        path = Path(triton.knobs.cache.dir, "itx1-tiles", f"{name}.json")
        _chosen[place] = find_tile(path, lambda tile: measure(tile, launch))
    return _chosen[place]


def classify(rows: int) -> int:
    """Few, some or many."""
    return sum(rows > limit for limit in ROW_CLASSES)


@cache
def name_card(device: torch.device) -> str:
    """What tells cards apart on which other tiles are fastest; a MIG slice has a name of its own."""
    properties = torch.cuda.get_device_properties(device)
    return f"{properties.name} with {properties.multi_processor_count} processors"


def find_tile(path: Path, measure_ms: Callable[[Tile], float]) -> Tile:
    """The one that is kept there, or the fastest, which is then kept.  BackendError where none works."""
    kept = read_tile(path)
    if kept is not None:
        return kept
    times_ms = {tile: measure_ms(tile) for tile in TILES}
    fastest = min(TILES, key=times_ms.__getitem__)
    if times_ms[fastest] == inf:
        raise BackendError("no tile of the product's kernel fits this card")
    keep_tile(path, fastest)
    return fastest


def read_tile(path: Path) -> Tile | None:
    """None where there is no file, or not one of these tiles in it."""
    try:
        tile = Tile(**json.loads(path.read_text(encoding="ascii")))
    except (OSError, ValueError, TypeError):
        return None
    return tile if tile in TILES else None


def keep_tile(path: Path, tile: Tile) -> None:
    """Whole or not at all, whoever writes beside; where the disk does not take it, the next process measures again."""
    beside = path.with_name(f"{path.stem}.{os.getpid()}.{uuid4().hex}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.write_text(json.dumps(asdict(tile)), encoding="ascii")
        beside.replace(path)
    except OSError:
        with suppress(OSError):
            beside.unlink()


def measure(tile: Tile, launch: Launch) -> float:
    """Milliseconds; infinite for a tile that the card has not the registers or the memory for."""
    from triton.testing import do_bench

    try:
        return float(do_bench(lambda: launch(tile), warmup=WARMUP_MS, rep=REPEAT_MS, return_mode="median"))
    except (OutOfResources, PTXASError, CompileTimeAssertionFailure):
        return inf

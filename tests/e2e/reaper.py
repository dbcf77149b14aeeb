"""SIGKILL at random moments, and the start of the same process at once."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

from commands.demo.network import Network
from commands.processes import Child
from tests.e2e.uptime import Kill

GAP_S = (2.0, 8.0)


async def kill_at_random(network: Network, random: Random, count: int, say: Callable[[str], None]) -> list[Kill]:
    """Kills `count` processes one after the other and starts each again.

    Raises PermanentError `process_ended` when any process ended by itself.
    """
    children = {"chain": network.chain}
    children |= {f"{name} client": child for name, child in network.clients.items()}
    children |= {f"{name} sidecar": child for name, child in network.sidecars.items()}
    targets = [*children, *(f"{name} worker" for name in network.sidecars)]
    kills: list[Kill] = []
    while len(kills) < count:
        await asyncio.sleep(random.uniform(*GAP_S))
        network.check_running()
        target = random.choice(targets)
        at_ms = now_ms()
        if target in children:
            await children[target].kill()
            await children[target].start()
        elif not kill_worker(network.sidecars[target.split()[0]]):
            continue  # it is being started
        kills.append(Kill(target=target, at_ms=at_ms))
        say(f"kill {len(kills)} of {count}: {target}")
    return kills


def kill_worker(sidecar: Child) -> bool:
    """SIGKILL to the children of a sidecar alone; False where it has none."""
    workers = [] if sidecar.process is None else list_children(sidecar.process.pid)
    for worker in workers:
        os.kill(worker, signal.SIGKILL)
    return bool(workers)


def list_children(parent: int) -> list[int]:
    """The processes that a process has started.  Source: proc(5), children."""
    try:
        return [int(word) for word in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]
    except OSError:
        return []


def now_ms() -> int:
    """Unix milliseconds."""
    return time.time_ns() // 10**6

"""The process that computes on one device: `python -m sidecar.worker DEVICE THREADS PROFILES`, or `... list`.

It says hello, then answers each line on its input with one on its output, and ends when its input closes or its
parent dies.  Besides the commands for it the only importer of pow_kernels.  Whatever goes wrong ends the process; the
parent starts another, whose self-test decides whether the device is still fit.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO, Final

import torch

from pow_kernels.backends import BackendError
from pow_kernels.selftest import Selection, pick_backend
from pow_kernels.spec import ProfileError, get_profile
from pow_kernels.sprint import SprintFunction
from rules.types import Proof
from sidecar.child import die_with_parent, take_output
from sidecar.jobs import Evaluation, Work
from sidecar.tasks import EvaluateTask, Hello, SearchTask, decode_task, encode_evaluations, encode_hello, encode_hits
from sidecar.visibility import count_slices

CPU_NICENESS: Final = 3
"""A worker on the CPU yields to what keeps deadlines beside it: client, chain, and workers that are being started."""
KEPT: Final = 2
"""Sprints whose weights are kept: the one that is verified, and the next."""


class Bench:
    """A device with the Sprints' functions that were opened on it."""

    def __init__(self, device: str, threads: int, backends: dict[str, str]) -> None:
        self._device = device
        self._threads = threads
        self._backends = backends
        self._functions: OrderedDict[Work, SprintFunction] = OrderedDict()

    def answer(self, task: SearchTask | EvaluateTask) -> bytes:
        """The line that answers a task; opening a function does not count as its time."""
        function = self._get_function(task.work, task.host)
        started_ms = self._clock_ms()
        if isinstance(task, SearchTask):
            found = function.search(task.batch.first, task.batch.count)
            elapsed_ms = self._clock_ms() - started_ms
            return encode_hits([Proof(nonce=n, tag=t) for n, t in zip(found.nonce, found.tag, strict=True)], elapsed_ms)
        done = function.evaluate(task.nonces)
        elapsed_ms = self._clock_ms() - started_ms
        rows = zip(done.tag, done.tail, done.accepted, strict=True)
        return encode_evaluations([Evaluation(tag=a, tail=b, accepted=c) for a, b, c in rows], elapsed_ms)

    def _clock_ms(self) -> float:
        """Milliseconds of work.  On a CPU that others use too, time without it says nothing of a batch's size: batches
        would shrink to single nonces, and take no less.
        """
        return 1000 * (time.process_time() / self._threads if self._device == "cpu" else time.monotonic())

    def _get_function(self, work: Work, host: bytes) -> SprintFunction:
        if work not in self._functions:
            if len(self._functions) == KEPT:
                self._functions.popitem(last=False)
            self._functions[work] = SprintFunction.open(
                sprint_seed=work.sprint_seed,
                profile=replace(get_profile(work.profile), cos2_q64=work.cos2_q64),
                host=host,
                backend=self._backends[work.profile],
                device=self._device,
                threads=self._threads,
            )
        self._functions.move_to_end(work)
        return self._functions[work].with_host(host)


def examine(device: str, profiles: Sequence[str]) -> tuple[Hello, dict[str, str]]:
    """What the self-test says of a device, and the backend to use for each profile that one of them passed."""
    chosen: dict[str, Selection] = {}
    refused: dict[str, str] = {}
    for profile in profiles:
        try:
            chosen[profile] = pick_backend(profile, device)
        except (BackendError, ProfileError) as error:
            refused[f"every backend for {profile}"] = str(error)
    for profile, selection in chosen.items():
        refused |= {r.backend: f"{profile}: {r.detail}" for r in selection.reports if not r.passed}
    backends = {profile: selection.backend for profile, selection in chosen.items()}
    model, memory_bytes = _describe(device) if chosen else ("", 0)
    hello = Hello(
        device=device,
        model=model,
        memory_bytes=memory_bytes,
        backend=next(iter(backends.values()), ""),
        refused=tuple(refused.items()),
        profiles=tuple(backends),
    )
    return hello, backends


def main(device: str, threads: str = "1", profiles: str = "") -> None:
    """Serve until the input ends.  What else is printed goes to stderr."""
    answers = take_output()
    if device == "list":
        count = count_slices(os.environ) or torch.cuda.device_count()
        names = [f"cuda:{index}" for index in range(count)] or ["cpu"]
        _write(answers, " ".join(names).encode() + b"\n")
        return
    hello, backends = examine(device, profiles.split(","))
    _write(answers, encode_hello(hello))
    if device == "cpu":
        os.nice(CPU_NICENESS)
    bench = Bench(device, int(threads), backends)
    for line in sys.stdin.buffer:
        _write(answers, bench.answer(decode_task(line)))


def _write(answers: IO[bytes], line: bytes) -> None:
    answers.write(line)
    answers.flush()


def _describe(device: str) -> tuple[str, int]:
    """A device's model and its bytes of memory."""
    if device != "cpu":
        properties = torch.cuda.get_device_properties(device)
        return str(properties.name), int(properties.total_memory)
    models = [line.partition(":")[2] for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line]
    memory_bytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return (models or ["cpu"])[0].strip(), memory_bytes


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's Ctrl-C is the parent's to handle
    die_with_parent(int(os.environ["GNK_SIDECAR_PID"]))
    main(*sys.argv[1:])

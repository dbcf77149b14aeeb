"""Four validators, each with a CometBFT, a client and a sidecar; every 20 s something is done to one of them.

GNK_E2E_PERTURBATIONS says how often (180 are an hour), GNK_E2E_SEED with what luck.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from random import Random, SystemRandom
from typing import Any

import pytest

from chain_client.journal import Journal
from commands.validators import Validator
from tests.e2e.uptime import Span
from tests.e2e.validator_audit import find_faults, list_done, read_record
from tests.e2e.validator_net import KINDS, Net, Watcher, now_ms

PERTURBATIONS = int(os.environ.get("GNK_E2E_PERTURBATIONS", "2"))
SEED = int(os.environ.get("GNK_E2E_SEED") or SystemRandom().getrandbits(32))
PERIOD_S = 20
PAUSE_S = 10
LONGEST_STALL_MS = 30_000
RECOVERY_S = 120
REVIEW_S = 600
Say = Callable[[str], None]


class Perturber:
    """Does one thing to one validator at a time, and waits until it works again."""

    def __init__(self, net: Net, watcher: Watcher, random: Random) -> None:
        self._net = net
        self._watcher = watcher
        self._random = random
        self.outages: dict[str, list[Span]] = {one.name: [] for one in net.validators}
        self._acts: dict[str, Callable[[Validator], tuple[str, ...]]] = {
            "SIGKILL chain": lambda one: self._kill(one, "chain"),
            "SIGKILL client": lambda one: self._kill(one, "client"),
            "SIGKILL sidecar": lambda one: self._kill(one, "sidecar"),
            "SIGKILL CometBFT": self._kill_cometbft,
            "SIGSTOP for 10 s": self._stop,
            "restart": self._restart,
        }
        if net.namespaces:
            self._acts["disconnected for 10 s"] = self._disconnect

    def perturb(self) -> str:
        """What was done, to whom, and how long it took until all of it worked again."""
        one, name = self._random.choice(self._spare()), self._random.choice(list(self._acts))
        began = now_ms()
        killed = self._acts[name](one)
        height = self._watcher.height + 2  # two blocks may have been on their way
        self._net.await_that(lambda: self._has_recovered(one, killed, began, height), one)
        over = now_ms()
        self.outages[one.name].append(Span(first_ms=began, last_ms=over + 1000))
        return f"{name} of {one.name} at height {self._watcher.height}: {(over - began) / 1000:.1f} s"

    def _spare(self) -> list[Validator]:
        """Those without whom more than 2/3 of the power is left."""
        told: Any = self._net.net.describe()["validators"]
        powers = {one["name"]: one["power"] or 0 for one in told}
        total = sum(powers.values())
        return [one for one in self._net.validators if 3 * (total - powers[one.name]) > 2 * total]

    def _has_recovered(self, one: Validator, killed: tuple[str, ...], began: int, height: int) -> bool:
        ready = all(self._net.is_ready_since(one, kind, began) for kind in killed)
        return ready and self._watcher.has_caught_up(one, above=height)

    def _kill(self, one: Validator, kind: str) -> tuple[str, ...]:
        self._net.kill_one(one, kind)
        self._net.launch(one, kind)
        return (kind,)

    def _kill_cometbft(self, one: Validator) -> tuple[str, ...]:
        for pid in self._net.cometbft(one):
            os.kill(pid, signal.SIGKILL)
        return ()

    def _stop(self, one: Validator) -> tuple[str, ...]:
        for kind in KINDS:
            self._net.signal(one, kind, signal.SIGSTOP)
        time.sleep(PAUSE_S)
        for kind in KINDS:
            self._net.signal(one, kind, signal.SIGCONT)
        return ()

    def _restart(self, one: Validator) -> tuple[str, ...]:
        self._net.signal(one, "chain", signal.SIGTERM)
        assert self._net.processes[one.name, "chain"].wait(30) == 0
        self._net.launch(one, "chain")
        return ("chain",)

    def _disconnect(self, one: Validator) -> tuple[str, ...]:
        assert self._net.namespaces is not None
        self._net.namespaces.connect(one.name, on=False)
        time.sleep(PAUSE_S)
        self._net.namespaces.connect(one.name, on=True)
        return ()


@pytest.mark.e2e
@pytest.mark.timeout(900 + 120 * PERTURBATIONS)
def test_validators_that_are_killed_stopped_and_cut_off_agree_and_miss_nothing_they_were_up_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    began = time.monotonic()

    def say(line: str) -> None:
        with capsys.disabled():
            print(f"[{time.monotonic() - began:6.1f} s] {line}", flush=True)

    net = Net(tmp_path)
    where = "namespaces" if net.namespaces else "no namespaces: nobody is cut off"
    say(f"GNK_E2E_SEED={SEED}, {PERTURBATIONS} perturbations, {where}, homes and logs in {tmp_path}")
    try:
        net.start()
        with Watcher(net) as watcher:
            stall_ms, outages = run(net, watcher, say)
        net.stop()
    finally:
        net.kill()
    records = {one.name: read_record(net.net.home(one)) for one in net.validators}
    first, *others = records.values()
    common = min(len(record.blocks) for record in records.values())
    addresses = {one.name: one.address for one in net.validators}
    journals = {one.name: open_journal(net, one) for one in net.validators}
    faults = [*watcher.faults(), *find_faults(first, addresses, outages, journals)]
    say(f"{common} blocks on all, {len(first.summaries)} epochs settled, longest stall {stall_ms / 1000:.1f} s")
    done, signed = sum(code == 0 for _, _, code in list_done(first)), len(first.named("round_signed"))
    say(f"{done} messages took effect, {signed} rounds were signed")
    for name, journal in journals.items():
        for epoch, words, cause in journal.read_misses():
            say(f"missed: {name}, epoch {epoch}, {words}: {cause}")
    say(f"{len(faults)} faults" + "".join(f"\n  {fault}" for fault in faults))
    assert not faults
    assert all(record.hashes[:common] == first.hashes[:common] for record in others)
    assert stall_ms <= LONGEST_STALL_MS


def run(net: Net, watcher: Watcher, say: Say) -> tuple[int, dict[str, list[Span]]]:
    """Perturb, and wait for the review of the last epoch that was; the longest stall, and the outages."""
    perturber = Perturber(net, watcher, Random(SEED))
    await_epoch(net, 1, say)
    since = now_ms()
    for number in range(1, PERTURBATIONS + 1):
        due = time.monotonic() + PERIOD_S
        say(f"{number} of {PERTURBATIONS}: {perturber.perturb()}")
        time.sleep(max(due - time.monotonic(), 0))
    stall_ms = watcher.longest_stall_ms(since)
    last = max(2, read_epoch(net))  # from which on rounds are signed
    say(f"perturbed up to epoch {last}; waiting for its review")
    deadline = time.monotonic() + REVIEW_S
    while any(open_journal(net, one).read(0).reviewed < last for one in net.validators):
        assert time.monotonic() < deadline
        time.sleep(1)
    return stall_ms, perturber.outages


def await_epoch(net: Net, epoch: int, say: Say) -> None:
    deadline = time.monotonic() + RECOVERY_S
    while read_epoch(net) < epoch:
        assert time.monotonic() < deadline
        time.sleep(1)
    say(f"epoch {epoch} has begun")


def read_epoch(net: Net) -> int:
    """The running epoch, 0 where nobody answers."""
    epoch: Any = net.net.describe()["epoch"]
    return int(epoch or 0)


def open_journal(net: Net, one: Validator) -> Journal:
    journal = Journal.peek(net.net.home(one))
    assert journal is not None
    return journal

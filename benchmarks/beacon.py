"""What a block of the threshold beacon costs a validator, in process: `python -m benchmarks.beacon`.

A group deals a key; all vote for the block before a round, and the next block takes their signature: once with equal
weights, once with one member of 30 % among equal others.  `first` is a key's first round, with no check in memory.
Times are the process's own, on its one thread, so that other work on the machine does not count.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from hashlib import sha256
from statistics import median
from typing import TypeVar

from py_arkworks_bls12381 import G1Point

from chain.context import Context
from chain.modules.beacon import state
from chain.modules.beacon.threshold import voting
from chain.modules.params.state import init_params
from chain.modules.sprint.state import set_epoch_start
from chain.store.overlay import Overlay
from chain.store.store import Store
from rules.addresses import encode_address
from rules.params import THRESHOLD_BLS
from rules.presets import MINIMAL
from rules.schedule import EpochStart
from rules.slots import allocate_slots
from rules.types import Host
from wire.gonka.beacon.v1.beacon_pb2 import Deal, Group, Member
from wire.threshold import partials
from wire.threshold.curve import derive_scalar, multiply_g1
from wire.threshold.dealing import (
    SealedDeal,
    deal,
    is_opening_of,
    is_well_formed,
    make_key,
    open_deal,
    read_commitments,
)
from wire.threshold.groups import read_dealing

CHAIN_ID = "bench-1"
BLOCK_HASH = sha256(b"the block before the round").digest()
LAST = MINIMAL.sprint.genesis_blocks
Answer = TypeVar("Answer")


def main() -> None:
    """Print the figures; nothing is asserted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--validators", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=10, help="how often each step is measured")
    arguments = parser.parse_args()
    secrets = {_name(i): derive_scalar("bench", _name(i)) for i in range(arguments.validators)}
    for first in (1, 3 * (len(secrets) - 1) / 7):
        _measure(_form_group(secrets, first), secrets, arguments.rounds)


def _measure(group: Group, secrets: dict[Host, int], rounds: int) -> None:
    slots = [member.slots for member in group.members]
    print(f"\n{len(slots)} validators with {min(slots)} to {max(slots)} slots")
    _forget()
    deals = _measure_dealing(group, secrets)
    key = make_key([sealed.commitments for sealed in deals.values()])
    group.public_key, group.slot_keys = key.public_key, key.slot_keys
    group.dealers.extend(deals)
    _measure_block(group, deals, [secrets[_name(i)] for i in range(len(secrets))], rounds)


def _name(index: int) -> Host:
    return Host(sha256(index.to_bytes(4, "big")).digest()[:20])


def _form_group(secrets: dict[Host, int], first: float) -> Group:
    """A group in which one member has `first` times the weight of each other."""
    weights = dict.fromkeys(secrets, 1000) | {_name(0): int(1000 * first)}
    members = [
        Member(
            host=encode_address(host),
            consensus_pubkey=sha256(host).digest(),
            beacon_key=multiply_g1(G1Point(), secrets[host]),
            first_slot=slots.start,
            slots=len(slots),
        )
        for host, slots in allocate_slots(weights).items()
    ]
    return Group(epoch=1, members=members)


def _measure_dealing(group: Group, secrets: dict[Host, int]) -> dict[str, SealedDeal]:
    """All deals, by address of the dealer."""
    dealings = {member.host: read_dealing(CHAIN_ID, group, member.host) for member in group.members}
    made: list[float] = []
    checked: list[float] = []
    deals: dict[str, SealedDeal] = {}
    for host, dealing in dealings.items():
        deals[host] = _time(made, partial(deal, dealing, host.encode()))
    for host, dealing in dealings.items():
        _time(checked, partial(is_well_formed, dealing, deals[host]))
    _report("deal: make one, in the client", made)
    _report("deal: check one, once each", checked)
    summed: list[float] = []
    _time(summed, partial(make_key, [sealed.commitments for sealed in deals.values()]))
    _report("dealing: make the key", summed)
    dealer, holder = group.members[1].host, _name(0)
    complained: list[float] = []
    opening = open_deal(dealings[dealer], deals[dealer], secrets[holder])
    key = multiply_g1(G1Point(), secrets[holder])
    _time(complained, partial(is_opening_of, dealings[dealer], deals[dealer], key, opening))
    _report("complaint: check the shared key", complained)
    return deals


def _measure_block(group: Group, deals: dict[str, SealedDeal], secrets: list[int], rounds: int) -> None:
    store = _write_state(group, deals)
    before = Context(store=Overlay(store), height=LAST, time_ns=0, chain_id=CHAIN_ID)
    dealing = Context(store=Overlay(store), height=LAST - 1, time_ns=0, chain_id=CHAIN_ID)
    opened = Overlay(store)
    set_epoch_start(opened, EpochStart(epoch=1, first_height=LAST + 1))
    state.set_round_hash(opened, BLOCK_HASH)
    within = Context(store=opened, height=LAST + 1, time_ns=0, chain_id=CHAIN_ID)
    names = [sha256(sha256(_name(i)).digest()).digest()[:20] for i in range(len(secrets))]
    forger = sha256(group.members[0].consensus_pubkey).digest()[:20]  # its slots are the first to be used
    times: dict[str, list[float]] = {}
    for _ in range(rounds):
        votes = {}
        for name, secret in zip(names, secrets, strict=True):
            whose = "one" if secret == secrets[0] else "others"
            restarted, signer = voting.Signer(secret), voting.Signer(secret)
            _forget()
            extend = partial(restarted.extend, before, BLOCK_HASH)
            _time(times.setdefault(f"extend, first after a restart, {whose}", []), extend)
            for _ in range(0, len(deals), voting.OPENED_AHEAD):
                open_ahead = partial(signer.extend, dealing, BLOCK_HASH)
                _time(times.setdefault(f"extend, deals opened as they came, {whose}", []), open_ahead)
            _forget()
            extend = partial(signer.extend, before, BLOCK_HASH)
            _time(times.setdefault(f"extend, first, {whose}", []), extend)
            votes[name] = _time(times.setdefault(f"extend, {whose}", []), extend)
        _forget()
        for name, vote in votes.items():
            whose = "one" if name == names[0] else "others"
            check = partial(voting.is_extension_good, before, BLOCK_HASH, name, vote)
            _time(times.setdefault(f"verify, {whose}", []), check)
        prepare = partial(voting.combine_extensions, within)
        signature = _time(times.setdefault("prepare", []), partial(prepare, votes))
        forged = votes | {forger: votes[forger][48:] + votes[forger][:48]}
        _time(times.setdefault("prepare, one vote forged", []), partial(prepare, forged))
        process = partial(_process, within, signature)
        _time(times.setdefault("process", []), process)
        _forget()
        _time(times.setdefault("prepare, first", []), partial(prepare, votes))
        _forget()
        _time(times.setdefault("prepare, first, one vote forged", []), partial(prepare, forged))
    for step, seconds in times.items():
        _report(step, seconds)


def _write_state(group: Group, deals: dict[str, SealedDeal]) -> Overlay:
    store = Overlay(Store.in_memory().latest)
    beacon = replace(MINIMAL.beacon, kind=THRESHOLD_BLS)
    init_params(store, replace(MINIMAL, beacon=beacon))
    set_epoch_start(store, EpochStart(epoch=0, first_height=1))
    state.set_group(store, group)
    for index, (dealer, sealed) in enumerate(deals.items()):
        parts = {name: getattr(sealed, name) for name in ("commitments", "proof", "ephemeral_key", "shares")}
        state.set_deal(store, 1, Host(index.to_bytes(20, "big")), Deal(dealer=dealer, **parts))
    return store


def _process(ctx: Context, signature: bytes) -> None:
    voting.take_signature(ctx.branch().context, signature)


def _forget() -> None:
    """As after a restart."""
    is_well_formed.cache_clear()
    read_commitments.cache_clear()
    partials._read_keys.cache_clear()
    partials.are_partials_right.cache_clear()


def _time(seconds: list[float], call: Callable[[], Answer]) -> Answer:
    start = time.process_time()
    answer = call()
    seconds.append(time.process_time() - start)
    return answer


def _report(name: str, seconds: list[float]) -> None:
    print(f"{name}: median {1000 * median(seconds):.1f} ms, worst {1000 * max(seconds):.1f} ms")


if __name__ == "__main__":
    main()

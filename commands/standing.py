"""`gnk host status`: where a host stands, what is due next, and whether it may be restarted now."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from commands.amounts import format_gnk
from commands.call import Call, ask
from commands.output import Json
from commands.reading import describe_phase, read_summary
from commands.writing import acting_address

if TYPE_CHECKING:
    from chain_client.duties import JournalView
    from chain_client.ledger import Ledger
    from chain_client.readiness import NextDuty
    from chain_client.view import View

SHOWN_MISSES = 5


def describe_standing(call: Call) -> dict[str, Json]:
    """Everything a host wants to see at three in the morning, from chain, journal and sidecar."""
    from chain_client.journal import Journal
    from chain_client.readiness import advise_restart, find_next_duty

    address = acting_address(call)
    view = read_host_view(call, address)
    journal = Journal.peek(call.config.home)
    try:
        kept = journal.read(view.clock.epoch) if journal else _empty()
        misses = journal.read_misses() if journal else ()
    finally:
        if journal:
            journal.close()
    advice = advise_restart(view, kept)
    return {
        "address": address,
        **_describe_place(view),
        "newest_block": describe_age(_read_age_ms(call), view.clock.block_ms),
        **_describe_weight(view),
        "proofs_this_epoch": kept.proofs,
        "next_duty": _describe_duty(find_next_duty(view, kept)),
        "safe_to_restart": advice.is_safe,
        "because": advice.reason,
        "sidecar": describe_sidecar(call),
        "last_epoch": _describe_last(call, view, address),
        "missed": [f"epoch {epoch}: {duty}: {cause}" for epoch, duty, cause in misses[-SHOWN_MISSES:]],
    }


def read_host_view(call: Call, address: str) -> View:
    """The host's view at the latest height.  Raises ClientError."""
    from chain_client.daemon import read_view

    return ask(call, lambda ledger: read_view(ledger, address))


def describe_age(age_ms: int, block_ms: int) -> str:
    """How old the node's newest block is, and what it means where it is too old."""
    from chain_client.readiness import is_stale

    why = ": the chain stands still, the node is cut off or behind, or a clock is wrong"
    return f"{_seconds(max(age_ms, 0))} ago{why if is_stale(age_ms, block_ms) else ''}"


def _read_age_ms(call: Call) -> int:
    async def latest(ledger: Ledger) -> int:
        return (await ledger.latest()).time_s

    return time.time_ns() // 10**6 - 1000 * ask(call, latest)


def find_settled_epoch(view: View) -> int:
    """The latest epoch whose SETTLE has passed; below 1 for none."""
    from rules.types import Phase

    return view.clock.epoch if view.clock.phase is Phase.SERVE else view.clock.epoch - 1


def describe_sidecar(call: Call) -> str:
    """The sidecar's devices in one line, or why it does not answer."""
    from chain_client.errors import ClientError

    try:
        devices = asyncio.run(_read_devices(call.config.sidecar))
    except ClientError as error:
        return f"no answer at {call.config.sidecar}: {error.code}; is `gnk sidecar start` running?"
    return ", ".join(f"{name} by {backend or 'no backend'}" for name, backend in devices) or "no device"


async def _read_devices(target: str) -> list[tuple[str, str]]:
    from chain_client.sidecar_stub import SidecarStub

    async with SidecarStub.open(target, lambda: 0) as sidecar:
        return [(device.name, device.backend) for device in (await sidecar.capabilities()).devices]


def _empty() -> JournalView:
    from chain_client.duties import JournalView

    return JournalView()


def _describe_place(view: View) -> dict[str, Json]:
    clock = view.clock
    return {
        "epoch": clock.epoch,
        "height": clock.height,
        "phase": describe_phase(f"PHASE_{clock.phase.name}", clock.late_blocks),
        "phase_ends_in": _seconds(clock.blocks_left * clock.block_ms),
    }


def _describe_weight(view: View) -> dict[str, Json]:
    host = view.registration
    total = sum(view.table.values())
    mine = view.table.get(view.me, 0)
    if host is None:
        return {"host": "not joined; run `gnk host join`", "balance": format_gnk(view.balance_ngonka)}
    state = f"left in epoch {host.left_epoch}" if host.left_epoch else f"since epoch {host.registered_epoch}"
    return {
        "host": f"{state}{', down: join again' if host.down else ''}",
        "balance": format_gnk(view.balance_ngonka),
        "stake": format_gnk(host.stake_ngonka),
        "effective_units": mine,
        "share_of_network": f"{100 * mine / total:.1f} %" if total else "-",
    }


def _describe_duty(due: NextDuty | None) -> str:
    if due is None:
        return "none in sight"
    words = due.duty.value.replace("_", " ")
    opens = "now" if due.opens_in_ms == 0 else f"in {_seconds(due.opens_in_ms)}"
    return f"{words} of epoch {due.window.epoch}: opens {opens}, closes in {_seconds(due.closes_in_ms)}"


def _describe_last(call: Call, view: View, address: str) -> str:
    from chain_client.errors import ClientError
    from commands.sprint import describe_outcome

    settled = find_settled_epoch(view)
    if settled < 1:
        return "none settled yet"
    try:
        outcomes = {o.host: o for o in read_summary(call, settled).outcomes}
    except ClientError as error:
        if error.code != "not_found":
            raise
        return f"epoch {settled} is not kept"
    if address not in outcomes:
        return f"epoch {settled}: no part in it"
    told = describe_outcome(outcomes[address])
    return (
        f"epoch {settled}: {told['verdict']}, {told['units']} units, {told['pending']} to come, missed {told['missed']}"
    )


def _seconds(milliseconds: int) -> str:
    from chain_client.readiness import format_duration

    return format_duration(milliseconds // 1000)

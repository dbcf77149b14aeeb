"""Which receipts a host is asked for, and which are shown on chain.  Pure: time, chance and the chain are handed in.

When an epoch is over in which a host settled vouchers, a few receipts that hang in the trees of that epoch are drawn:
the host could not foresee which.  It proves off chain where each of them hangs.  What it refuses to prove twice is
shown on chain; a host that cannot be reached is asked again until the last epoch in which a receipt may be shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

from gateway.routing import Draw
from rules.errors import RuleError
from rules.receipts import SHOWN_EPOCHS, Settling, find_settling

MOST_DRAWN: Final = 4
"""Receipts of a pair and epoch.  A host that leaves out one in ten is found in an epoch with a chance of a third."""
TRIES: Final = 2
AGAIN_MS: Final = 15_000
"""From one try to the next at least, and twice as long after each."""
MOST_DOUBLINGS: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """A kept receipt, as far as it decides: `failed` counts tries in vain, `refused` those that the host answered.

    It is asked for again from `next_ms` on, milliseconds since 1970.
    """

    request: int
    after_serial: int
    is_drawn: bool = False
    refused: int = 0
    failed: int = 0
    next_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What the chain shows of a pair, at one height: what settled, and the serial of the newest voucher of all.

    `showing` is the request whose receipt is shown and not judged yet; after `is_closed` nothing settles any more.
    """

    epoch: int
    settlings: tuple[Settling, ...]
    newest_serial: int
    is_closed: bool = False
    showing: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to do with a pair's receipts, by request; `asked` are in the trees of their settlings.

    `shown` is a receipt that the chain knows of already: a gateway that died had shown it.
    """

    forgotten: tuple[int, ...] = ()
    drawn: tuple[int, ...] = ()
    asked: tuple[tuple[Doubt, Settling], ...] = ()
    shown: int | None = None


class Found(Enum):
    """What a host proved of a receipt; ABSENT where it did not say."""

    PLACED = "placed"
    REFUSED = "refused"
    ABSENT = "absent"


def plan_receipts(kept: Sequence[Doubt], standing: Standing, now_ms: int, draw: Draw) -> Plan:
    """What to ask for now, and what to forget: what nobody will ask for, and what is too old to be shown.

    Only of epochs that are over: until then the host could still choose what to leave out.
    """
    shown = next((doubt.request for doubt in kept if doubt.request == standing.showing), None)
    forgotten: list[int] = []
    due: dict[int, list[tuple[Doubt, Settling]]] = {}
    for doubt in kept:
        if doubt.request == shown:
            continue
        settling = _find(doubt, standing)
        if settling is not None and settling.epoch < standing.epoch:
            due.setdefault(settling.epoch, []).append((doubt, settling))
        elif settling is None and not _may_settle(doubt, standing):
            forgotten.append(doubt.request)
    drawn: list[int] = []
    asked: list[tuple[Doubt, Settling]] = []
    for _, pairs in sorted(due.items()):
        chosen = [pair for pair in pairs if pair[0].is_drawn]
        rest = [pair for pair in pairs if not pair[0].is_drawn]
        fresh = draw_some(rest, max(0, MOST_DRAWN - len(chosen)), draw)
        drawn += [doubt.request for doubt, _ in fresh]
        forgotten += [doubt.request for doubt, _ in rest if doubt.request not in drawn]
        asked += [pair for pair in [*chosen, *fresh] if pair[0].next_ms <= now_ms]
    return Plan(forgotten=tuple(sorted(forgotten)), drawn=tuple(sorted(drawn)), asked=tuple(asked), shown=shown)


def draw_some(items: Sequence[tuple[Doubt, Settling]], count: int, draw: Draw) -> list[tuple[Doubt, Settling]]:
    """So many of them, or all: every choice is equally likely."""
    left = list(items)
    count = min(count, len(left))
    for place in range(count):
        other = place + draw(len(left) - place)
        left[place], left[other] = left[other], left[place]
    return left[:count]


def note_failed(doubt: Doubt, found: Found, now_ms: int) -> Doubt:
    """A receipt that was asked for in vain."""
    refused = doubt.refused + (found is Found.REFUSED)
    next_ms = now_ms + (AGAIN_MS << min(doubt.failed, MOST_DOUBLINGS))
    return replace(doubt, is_drawn=True, refused=refused, failed=doubt.failed + 1, next_ms=next_ms)


def is_missing(doubt: Doubt, settling: Settling, epoch: int) -> bool:
    """Whether a receipt is worth a fee: refused twice, or not to be had up to the last epoch for it."""
    return doubt.refused >= TRIES or (doubt.failed >= TRIES and epoch - settling.epoch >= SHOWN_EPOCHS)


def choose_shown(missing: Mapping[int, Settling], standing: Standing) -> int | None:
    """The request whose receipt is shown next: the oldest, and none while one is shown."""
    if standing.showing is not None or not missing:
        return None
    return min(missing, key=lambda request: (missing[request].serial, request))


def _find(doubt: Doubt, standing: Standing) -> Settling | None:
    """The tree that a receipt hangs in, as long as the receipt may be shown."""
    try:
        settling = find_settling(doubt.after_serial, standing.settlings, standing.newest_serial)
    except RuleError:
        return None
    return settling if standing.epoch - settling.epoch <= SHOWN_EPOCHS else None


def _may_settle(doubt: Doubt, standing: Standing) -> bool:
    """Whether the voucher that brings a receipt's tree is still to come."""
    return doubt.after_serial >= standing.newest_serial and not standing.is_closed

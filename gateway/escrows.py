"""Which escrow to open, top up or close next.  Pure, but for the messages that it makes.

For each model that is sold, and each territory that keys are bound to, there is one escrow in use: the newest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final

from gateway.market import Escrow, Market, OnChainModel
from gateway.policies import Territory
from wire.gonka.inference.v1.inference_pb2 import Policy
from wire.gonka.inference.v1.tx_pb2 import MsgCloseEscrow, MsgOpenEscrow, MsgTopUpEscrow

if TYPE_CHECKING:
    from google.protobuf.message import Message

PRICE_MARGIN: Final = (11, 10)
"""An escrow may be opened at a price so many times that of the look before: prices move with each epoch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Purpose:
    """What an escrow is for."""

    model: OnChainModel
    territory: Territory


class Deed(Enum):
    """What can be done with an escrow."""

    OPEN = "open"
    TOP_UP = "top_up"
    CLOSE = "close"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """The next thing to do; `escrow_id` is 0 for one that is to be opened."""

    deed: Deed
    purpose: Purpose
    escrow_id: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """What escrows are used for now: ngonka promised or held by escrow, and those with requests under way.

    `exhausted` are (escrow, host) that cannot go on together.
    """

    promised: Mapping[int, int]
    busy: frozenset[int]
    exhausted: frozenset[tuple[int, str]] = frozenset()


def find_escrow(market: Market, purpose: Purpose, voucher_key: bytes) -> Escrow | None:
    """The escrow in use: the newest that this voucher key (33 bytes) signs for."""
    found = _list_escrows(market, purpose, voucher_key)
    return found[-1] if found else None


def plan_escrows(
    market: Market, purposes: Sequence[Purpose], use: Use, voucher_key: bytes, deposit_ngonka: int
) -> Step | None:
    """The next step, or nothing.

    Opened where there is none, or where less than half of the hosts that there could be still serve; topped up when
    half of a deposit is left; closed once a newer one has taken over and nothing runs on it.
    """
    for purpose in purposes:
        hosts = market.list_hosts(purpose.model, purpose.territory)
        escrow = find_escrow(market, purpose, voucher_key)
        if escrow is None or _is_worn(escrow, [offer.host for offer in hosts], use, market.group_size):
            if hosts:
                return Step(deed=Deed.OPEN, purpose=purpose)
            continue
        left = escrow.deposit_ngonka - use.promised.get(escrow.escrow_id, 0)
        if 2 * left < deposit_ngonka:
            return Step(deed=Deed.TOP_UP, purpose=purpose, escrow_id=escrow.escrow_id)
        for old in _list_escrows(market, purpose, voucher_key)[:-1]:
            if old.escrow_id not in use.busy:
                return Step(deed=Deed.CLOSE, purpose=purpose, escrow_id=old.escrow_id)
    return None


def build_message(step: Step, developer: str, voucher_key: bytes, deposit_ngonka: int) -> Message:
    """The message of a step, for the bech32 account `developer`."""
    if step.deed is Deed.TOP_UP:
        return MsgTopUpEscrow(developer=developer, escrow_id=step.escrow_id, amount_ngonka=deposit_ngonka)
    if step.deed is Deed.CLOSE:
        return MsgCloseEscrow(developer=developer, escrow_id=step.escrow_id)
    times, over = PRICE_MARGIN
    price, territory = step.purpose.model.price, step.purpose.territory
    return MsgOpenEscrow(
        developer=developer,
        model_id=step.purpose.model.model_id,
        deposit_ngonka=deposit_ngonka,
        voucher_pubkey=voucher_key,
        policy=Policy(regions=territory.regions or (), hosts=territory.hosts or ()),
        max_price_in_ngonka=-(-price.in_ngonka * times // over),
        max_price_out_ngonka=-(-price.out_ngonka * times // over),
    )


def _list_escrows(market: Market, purpose: Purpose, voucher_key: bytes) -> list[Escrow]:
    wanted = (purpose.model.model_id, purpose.territory, voucher_key)
    return [e for e in market.escrows if (e.model_id, e.territory, e.voucher_pubkey) == wanted]


def _is_worn(escrow: Escrow, hosts: Sequence[str], use: Use, group_size: int) -> bool:
    serving = sum(host in escrow.reserves and (escrow.escrow_id, host) not in use.exhausted for host in hosts)
    return 2 * serving < min(group_size, len(hosts))

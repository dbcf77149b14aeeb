"""Looks at the chain, asks hosts how they are, and keeps escrows open: the loops beside a gateway's requests.

gateway.showing is one more of them.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final
from uuid import uuid4

import structlog

from chain_client.errors import ClientError, PermanentError
from chain_client.outbox import FileOutbox
from chain_client.pricing import price_order
from chain_client.sender import Sender
from chain_client.transactions import Fate, Order, Signer
from chain_client.upkeep import Upkeep
from gateway.desk import Desk
from gateway.escrows import Step, build_message, plan_escrows
from gateway.market import Offer, read_market
from wire.openai.errors import ApiError

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from chain_client.ledger import Ledger, TxResult

log = structlog.get_logger("gateway")

LOOK_S: Final = 1.0
LONGEST_LOOK_S: Final = 10.0
STATUS_S: Final = 5.0
LIFE_BLOCKS: Final = 50
AFTER_FAILURE_S: Final = 5.0

Pause = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Purse:
    """The developer's account, open; `home` holds its outbox, `deposit_ngonka` is what an escrow gets at a time.

    `turn` is held by whoever sends from it.
    """

    signer: Signer
    home: Path
    deposit_ngonka: int
    turn: asyncio.Lock = field(default_factory=asyncio.Lock, compare=False, repr=False)


async def watch_chain(desk: Desk, ledger: Ledger, developer: str, *, chain_id: str, pause: Pause) -> None:
    """Look at the chain for ever; a chain that does not answer leaves the last look in force.

    Raises: PermanentError `chain_id_mismatch`.
    """
    wait_s, failing = LOOK_S, ""
    while True:
        try:
            market = await read_market(ledger, developer)
            if market.chain_id != chain_id:
                raise PermanentError("chain_id_mismatch", f"this is {market.chain_id}, not {chain_id}")
            desk.set_market(market)
            if failing:
                log.info("chain_works_again", after=failing)
            wait_s, failing = LOOK_S, ""
        except ClientError as error:
            if error.code == "chain_id_mismatch":
                raise
            if error.code != failing:
                log.warning("chain_not_read", code=error.code, detail=error.detail)
            wait_s, failing = min(2 * wait_s, LONGEST_LOOK_S), error.code
        await pause(wait_s)


async def watch_hosts(desk: Desk, *, pause: Pause) -> None:
    """Ask every host of an escrow of ours how busy it is, for ever; one that does not say gets fewer requests."""
    while True:
        offers = list_used(desk)
        await asyncio.gather(*(_ask_status(desk, offer) for offer in offers))
        await pause(STATUS_S)


def list_used(desk: Desk) -> list[Offer]:
    """The offers of hosts that an escrow of ours names."""
    if desk.market is None:
        return []
    hosts = {host for _, host in desk.pairs}
    return [offer for host, offer in sorted(desk.market.offers.items()) if host in hosts]


async def _ask_status(desk: Desk, offer: Offer) -> None:
    try:
        desk.note_status(offer.host, await desk.client.read_status(offer.endpoint))
    except ApiError as error:
        desk.note_absence(offer.host, error)


async def keep_escrows(desk: Desk, ledger: Ledger, purse: Purse, *, chain_id: str, pause: Pause) -> None:
    """Open, top up and close escrows as they are needed, one at a time, for ever."""
    settled_height = 0

    async def look() -> float:
        nonlocal settled_height
        if desk.market is None or not settled_height:
            settled_height = await _resume(ledger, purse, chain_id)
        if desk.market is not None and desk.market.height > settled_height:
            deposit = max(purse.deposit_ngonka, desk.market.min_deposit_ngonka)
            step = plan_escrows(desk.market, desk.list_purposes(), desk.describe_use(), desk.voucher_key, deposit)
            if step is not None:
                settled_height = await _take(step, desk, ledger, purse, deposit)
        return LOOK_S

    upkeep = Upkeep(
        log=log,
        failed="escrow_not_changed",
        again="escrows_work_again",
        after_failure_s=AFTER_FAILURE_S,
        pause=pause,
    )
    await upkeep.go_on(look)


async def _resume(ledger: Ledger, purse: Purse, chain_id: str) -> int:
    """Bring what a gateway before this signed to its end; the height from which the chain shows it."""
    async with _open_sender(ledger, purse, chain_id) as sender:
        for outcome in await sender.resume():
            log.info("order_ended", order=outcome.order_id, fate=outcome.fate.value)
    return (await ledger.latest()).height


async def _take(step: Step, desk: Desk, ledger: Ledger, purse: Purse, deposit_ngonka: int) -> int:
    """Send a step's message; the height from which the chain shows what came of it.

    Raises ClientError: the chain's own code where it refuses the step.
    """
    chain_id = desk.market.chain_id if desk.market else ""
    message = build_message(step, purse.signer.address, desk.voucher_key, deposit_ngonka)
    model = step.purpose.model.name
    result = await send_message(ledger, purse, chain_id, message, f"{step.deed.value} for {model}")
    log.info("escrow_changed", deed=step.deed.value, escrow=step.escrow_id, model=model, deposit=deposit_ngonka)
    return max(result.height, (await ledger.latest()).height)


async def send_message(ledger: Ledger, purse: Purse, chain_id: str, message: Message, what: str) -> TxResult:
    """Apply a message of the developer's account, once all that was signed before it has ended.

    Raises ClientError: the chain's own code where it refuses the message beforehand, `tx_refused` afterwards.
    """
    async with _open_sender(ledger, purse, chain_id) as sender:
        await sender.resume()
        last_height = (await ledger.latest()).height + LIFE_BLOCKS
        order = Order(order_id=uuid4().hex, messages=(message,), last_height=last_height)
        outcome = await sender.send(await price_order(ledger, order, purse.signer.public_key))
    if outcome.fate is not Fate.APPLIED:
        raise PermanentError("tx_refused", f"{what}: {outcome.result.log}", tx_hash=outcome.result.tx_hash)
    return outcome.result


@contextlib.asynccontextmanager
async def _open_sender(ledger: Ledger, purse: Purse, chain_id: str) -> AsyncIterator[Sender]:
    async def pause() -> None:
        await asyncio.sleep(0.15)

    async with purse.turn:
        with FileOutbox.open(purse.home, chain_id=chain_id, address=purse.signer.address) as outbox:
            yield Sender(ledger=ledger, outbox=outbox, signer=purse.signer, chain_id=chain_id, pause=pause)

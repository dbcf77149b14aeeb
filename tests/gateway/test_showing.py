"""Receipts asked for over real HTTP, and shown on a chain that is made up but for its rules."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.message import Message

from chain.process import GENESIS_FILE
from chain_client.cosmos import CosmosLedger
from chain_client.errors import TransientError
from chain_client.keys.secret import Secret
from chain_client.keys.signing_key import SigningKey
from chain_client.pricing import price_order
from chain_client.sender import Sender
from chain_client.transactions import Fate, Order
from commands.demo.purse import MemoryOutbox
from gateway.doubts import AGAIN_MS, MOST_DRAWN
from gateway.keeper import Purse
from gateway.market import Market, read_epoch, read_market
from gateway.promises import read_voucher_secret
from gateway.receipts import Tally, list_tallies
from gateway.showing import ReceiptKeeper, keep_receipts
from gateway.store import Store
from rules.addresses import decode_address
from rules.params import GNK
from rules.presets import MINIMAL
from rules.receipts import SHOWN_EPOCHS
from tests.chain.api.running import run_chain
from tests.chain.ledger import ANN, DAN, Person, make_genesis
from tests.gateway.receipt_chain import CHAIN_ID, ReceiptChain
from tests.gateway.shop import CONTEXT, ESCROW_ID, HOSTS, LOOPBACK, MODEL, Shop, make_market, open_shop
from tests.gateway.stub_host import Habits, StubHost, run_host, serving_key
from wire.gonka.inference.v1.inference_pb2 import Model
from wire.gonka.inference.v1.receipt_pb2 import Placing, QueryShowingsRequest, QueryShowingsResponse
from wire.gonka.inference.v1.tx_pb2 import MsgOpenEscrow, MsgSetOffer, MsgSetServingKey, MsgSettleVoucher

LONGEST_S = 60
HOST = HOSTS[0]
DEVELOPER = SigningKey(Secret(b"\x07" * 32))
PARAMS = replace(MINIMAL, sprint=replace(MINIMAL.sprint, serve_blocks=60))
ON_CHAIN = Model(
    name=MODEL,
    content_hash=b"\x01" * 32,
    tokenizer_hash=b"\x02" * 32,
    units_per_token_in=1,
    units_per_token_out=2,
    max_context=CONTEXT,
    base_price_ngonka=10**7,
)
SHOWINGS = "/gonka.inference.v1.ReceiptQuery/Showings"


@dataclass(slots=True, kw_only=True)
class Place:
    """A host that lives on while gateways come and go, a chain, and a clock."""

    home: Path
    host: StubHost
    chain: ReceiptChain
    now_ms: int = 1_000_000
    allowed: tuple[str, ...] = LOOPBACK

    @asynccontextmanager
    async def open(self) -> AsyncIterator[tuple[Shop, ReceiptKeeper]]:
        """A gateway, from its beginning to its end."""
        async with open_shop(self.home, elsewhere=[self.host.url], allowed=self.allowed) as shop:
            shop.desk.chance = replace(shop.desk.chance, now_ms=lambda: self.now_ms)
            purse = Purse(signer=DEVELOPER, home=self.home, deposit_ngonka=1)
            yield shop, ReceiptKeeper(shop.desk, self.chain, purse, CHAIN_ID)

    async def sell(self, shop: Shop, answers: int = 1) -> None:
        """Answers that the host then settles for."""
        await self.answer(shop, answers)
        self.chain.settle(self.host)

    async def answer(self, shop: Shop, answers: int) -> None:
        """Answers that the host has a voucher for."""
        for _ in range(answers):
            assert (await shop.chat())[0] == 200
        await shop.relay.drain()
        async with asyncio.timeout(LONGEST_S):
            while self.host.newest is None or self.host.newest.serial == self.host.planned_serial:  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    def wait(self, tries: int = 1) -> None:
        """Until a receipt may be asked for again that was asked for so often."""
        self.now_ms += AGAIN_MS << (tries - 1)

    def tell(self) -> Tally:
        """What `gnk gateway receipts` shows."""
        with Store.open(self.home) as store:
            (tally,) = list_tallies(store.connection)
        return tally


def play(scene: Callable[[Place], Awaitable[None]], home: Path, habits: Habits, **more: Any) -> None:
    """Run a scene."""

    async def run() -> None:
        with Store.open(home) as store:
            voucher_key = SigningKey(Secret(read_voucher_secret(store.connection))).public_key
        blank = make_market(["http://x"], voucher_key)
        terms = blank.make_terms(blank.escrows[0], HOST)
        async with asyncio.timeout(LONGEST_S), run_host(terms, voucher_key, habits) as host:
            chain = ReceiptChain(serving_keys={HOST: serving_key(decode_address(HOST))})
            await scene(Place(home=home, host=host, chain=chain, **more))

    asyncio.run(run())


def tally(**counts: int) -> Tally:
    return Tally(**{"host": HOST, "kept": 0, "checked": 0, "missing": 0, "shown": 0} | counts)  # type: ignore[arg-type]


def test_look__an_honest_host__proves_a_few_receipts_of_each_epoch_and_nothing_is_shown(tmp_path: Path) -> None:
    async def scene(place: Place) -> None:
        async with place.open() as (shop, keeper):
            await place.sell(shop, 3)
            await place.sell(shop, 5)
            await keeper.look()
            assert not place.host.asked_for, "the epoch is not over"
            place.chain.end_epoch()
            await keeper.look()
            assert len(set(place.host.asked_for)) == len(place.host.asked_for) == MOST_DRAWN
            await place.sell(shop, 2)
            place.chain.end_epoch()
            await keeper.look()
            assert len(place.host.asked_for) == MOST_DRAWN + 2
            assert shop.desk.receipts["checked"] == MOST_DRAWN + 2
            assert not shop.desk.health[HOST].faults
        assert place.tell() == tally(checked=MOST_DRAWN + 2)
        assert not place.chain.shown

    play(scene, tmp_path, Habits())


def test_look__nothing_is_kept__the_chain_is_not_asked(tmp_path: Path) -> None:
    async def scene(place: Place) -> None:
        async with place.open() as (_, keeper):
            await keeper.look()
            assert not place.chain.queries

    play(scene, tmp_path, Habits())


def test_look__a_receipt_left_out__is_shown_once_after_two_refusals_and_the_host_rests(tmp_path: Path) -> None:
    async def scene(place: Place) -> None:
        async with place.open() as (shop, keeper):
            await place.sell(shop, 3)
            place.chain.end_epoch()
            await keeper.look()
            assert sorted(place.host.asked_for) == [1, 2, 3]
            await keeper.look()
            assert len(place.host.asked_for) == 3, "it is not asked again at once"
            assert not place.chain.shown
            for tries in (1, 2, 3):
                place.wait(tries)
                await keeper.look()
            (message,) = place.chain.shown
            assert message.developer == DEVELOPER.address
            assert (message.receipt.escrow_id, message.receipt.host, message.receipt.request) == (ESCROW_ID, HOST, 2)
            assert shop.desk.health[HOST].failures == 1
            assert dict(shop.desk.receipts) == {"checked": 2, "missing": 1, "shown": 1}
        assert place.tell() == tally(checked=2, missing=1, shown=1)

    play(scene, tmp_path, Habits(leaves_out=frozenset({2})))


def test_look__a_host_that_settles_without_any_receipts__is_shown_one_in_an_epoch(tmp_path: Path) -> None:
    async def scene(place: Place) -> None:
        async with place.open() as (shop, keeper):
            await place.sell(shop, 3)
            place.chain.end_epoch()
            for tries in range(1, 5):
                await keeper.look()
                place.wait(tries)
            assert len(place.chain.shown) == 1
            place.chain.end_epoch()
            await keeper.look()
            assert len(place.chain.shown) == 1, "the first is not judged yet"
        assert place.tell() == tally(kept=2, missing=3, shown=1)

    play(scene, tmp_path, Habits(leaves_out=frozenset({1, 2, 3})))


def test_look__a_restart_between_the_two_refusals__goes_on_and_shows_once(tmp_path: Path) -> None:
    async def scene(place: Place) -> None:
        async with place.open() as (shop, keeper):
            await place.sell(shop)
            place.chain.end_epoch()
            await keeper.look()
        place.wait()
        for _ in range(2):
            async with place.open() as (_, keeper):
                await keeper.look()
                place.wait(2)
        assert len(place.host.asked_for) == 2
        assert len(place.chain.shown) == 1
        assert place.tell() == tally(missing=1, shown=1)

    play(scene, tmp_path, Habits(leaves_out=frozenset({1})))


@pytest.mark.parametrize("dies", ["before", "after"])
def test_look__killed_while_it_shows__the_chain_gets_it_once(tmp_path: Path, dies: str) -> None:
    async def scene(place: Place) -> None:
        async with place.open() as (shop, keeper):
            await place.sell(shop)
            place.chain.end_epoch()
            await keeper.look()
            place.wait()
            place.chain.dies = dies
            with suppress(asyncio.CancelledError):
                await keeper.look()
        place.chain.dies = ""
        for tries in (2, 3):
            place.wait(tries)
            async with place.open() as (_, keeper):
                await keeper.look()
        assert len(place.chain.shown) == 1
        assert place.tell() == tally(missing=1, shown=1)

    play(scene, tmp_path, Habits(leaves_out=frozenset({1})))


def test_look__a_host_that_cannot_be_reached__is_asked_again_and_shown_in_the_last_epoch_only(tmp_path: Path) -> None:
    async def scene(place: Place) -> None:
        async with place.open() as (shop, keeper):
            await place.sell(shop)
            place.chain.end_epoch()
            for tries in range(1, 5):
                await keeper.look()
                place.wait(tries)
            assert len(place.host.asked_for) == 4
            assert not place.chain.shown
            for _ in range(SHOWN_EPOCHS - 1):
                place.chain.end_epoch()
            await keeper.look()
            assert len(place.chain.shown) == 1

    play(scene, tmp_path, Habits(places=False))


def test_look__a_host_that_comes_back__proves_it_and_nothing_is_shown(tmp_path: Path) -> None:
    async def scene(place: Place) -> None:
        async with place.open() as (shop, keeper):
            await place.sell(shop)
            place.chain.end_epoch()
            await keeper.look()
            place.wait()
            place.host.habits.places = True
            await keeper.look()
        assert place.tell() == tally(checked=1)
        assert not place.chain.shown

    play(scene, tmp_path, Habits(places=False))


LIES = [
    (b"\xff\xff", "no message"),
    (Placing(position=9).SerializeToString(), "a position outside the tree"),
    (Placing(position=0).SerializeToString(), "no siblings"),
    (Placing(position=0, siblings=[bytes(32)], splits=[2]).SerializeToString(), "another tree"),
    (Placing(position=0, siblings=[b"x"] * 9, splits=[2]).SerializeToString(), "siblings that are no hashes"),
    (Placing(position=0, siblings=[bytes(32)] * 64, splits=[2] * 64).SerializeToString(), "more than there is"),
]


@pytest.mark.parametrize(("placing", "what"), LIES, ids=[what for _, what in LIES])
def test_look__a_placing_that_proves_nothing__is_a_refusal(tmp_path: Path, placing: bytes, what: str) -> None:
    async def scene(place: Place) -> None:
        async with place.open() as (shop, keeper):
            await place.sell(shop, 2)
            place.chain.end_epoch()
            for tries in (1, 2):
                await keeper.look()
                place.wait(tries)
        assert len(place.chain.shown) == 1
        assert place.tell().missing == 2

    play(scene, tmp_path, Habits(bad_placing=placing))


def test_look__a_placing_without_end__is_cut_off_and_is_a_refusal(tmp_path: Path) -> None:
    async def scene(place: Place) -> None:
        async with place.open() as (shop, keeper):
            await place.sell(shop)
            place.chain.end_epoch()
            await keeper.look()
            (row,) = shop.query("SELECT refused, failed FROM receipts")
            assert row == (1, 1)

    play(scene, tmp_path, Habits(bad_placing=b"x" * (1 << 20)))


def test_look__a_host_in_a_private_network__is_not_dialled(tmp_path: Path) -> None:
    async def scene(place: Place) -> None:
        async with place.open() as (shop, _):
            await place.sell(shop)
        place.chain.end_epoch()
        place.allowed = ()
        async with place.open() as (_, keeper):
            await keeper.look()
        assert not place.host.asked_for
        assert place.tell() == tally(kept=1)

    play(scene, tmp_path, Habits())


def test_look__a_gateway_that_was_away_too_long__forgets(tmp_path: Path) -> None:
    async def scene(place: Place) -> None:
        async with place.open() as (shop, keeper):
            await place.sell(shop, 2)
            for _ in range(SHOWN_EPOCHS + 1):
                place.chain.end_epoch()
            await place.sell(shop, 1)
            await keeper.look()
        assert not place.host.asked_for
        assert place.tell() == tally(kept=1)

    play(scene, tmp_path, Habits())


@pytest.mark.parametrize("forgotten", [False, True])
def test_look__an_escrow_that_is_over__what_never_settled_is_forgotten(tmp_path: Path, *, forgotten: bool) -> None:
    async def scene(place: Place) -> None:
        async with place.open() as (shop, keeper):
            assert (await shop.chat())[0] == 200
            await shop.relay.drain()
            await keeper.look()
            assert place.tell() == tally(kept=1)
            (place.chain.forgotten if forgotten else place.chain.closed).add(ESCROW_ID)
            place.chain.end_epoch()
            await keeper.look()
        with Store.open(place.home) as store:
            assert not list_tallies(store.connection)

    play(scene, tmp_path, Habits())


def test_keep_receipts__a_chain_that_fails__is_asked_again(tmp_path: Path) -> None:
    async def scene(place: Place) -> None:
        async with place.open() as (shop, _):
            await place.sell(shop)
            place.chain.end_epoch()
            purse = Purse(signer=DEVELOPER, home=place.home, deposit_ngonka=1)
            failing = FailingChain(serving_keys=place.chain.serving_keys, settled=place.chain.settled, epoch=4)
            loop = asyncio.create_task(keep_receipts(shop.desk, failing, purse, chain_id=CHAIN_ID, pause=brief))
            while not shop.desk.receipts["checked"]:  # noqa: ASYNC110  # the desk's
                await asyncio.sleep(0.01)
            loop.cancel()

    play(scene, tmp_path, Habits())


class FailingChain(ReceiptChain):
    """Answers from its fourth query on."""

    async def query(self, method: str, request: Any, answer: type[Any], *, height: int = 0) -> Any:
        """Fails at first."""
        if self.queries < 3:
            self.queries += 1
            raise TransientError("chain_unreachable")
        return await super().query(method, request, answer, height=height)


# ---- against the chain itself ---------------------------------------------------------------------------------------


@pytest.fixture
def target(tmp_path: Path) -> Iterator[str]:
    """A chain whose epochs take some seconds."""
    home = tmp_path / "chain"
    home.mkdir()
    (home / GENESIS_FILE).write_bytes(make_genesis(PARAMS, models=(ON_CHAIN,)))
    with run_chain(home, PARAMS) as address:
        yield address


async def send(ledger: CosmosLedger, person: Person, *messages: Message) -> None:
    signer = SigningKey(Secret(person.secret))
    sender = Sender(ledger=ledger, outbox=MemoryOutbox(), signer=signer, chain_id=CHAIN_ID, pause=lambda: brief(0))
    order = Order(order_id="1", messages=messages, last_height=(await ledger.latest()).height + 100)
    outcome = await sender.send(await price_order(ledger, order, signer.public_key))
    assert outcome.fate is Fate.APPLIED, outcome.result.log


async def open_escrow(ledger: CosmosLedger, host: StubHost) -> Market:
    """Ann serves the model, Dan opens an escrow for it."""
    model_id = next(iter((await read_market(ledger, DAN.text)).models.values())).model_id
    key = serving_key(ANN.address)
    await send(
        ledger,
        ANN,
        MsgSetServingKey(host=ANN.text, serving_pubkey=key),
        MsgSetOffer(host=ANN.text, model_ids=[model_id], endpoint=host.url, region="DE"),
    )
    escrow = MsgOpenEscrow(
        developer=DAN.text,
        model_id=model_id,
        deposit_ngonka=2 * GNK,
        voucher_pubkey=host.voucher_key,
        max_price_in_ngonka=10**12,
        max_price_out_ngonka=10**12,
    )
    await send(ledger, DAN, escrow)
    market = await read_market(ledger, DAN.text)
    host.terms = market.make_terms(market.escrows[0], ANN.text)
    return market


async def settle(ledger: CosmosLedger, host: StubHost) -> None:
    settled = host.settle(0)
    message = MsgSettleVoucher(
        sender=ANN.text,
        voucher=host.newest_message,
        receipts_root=settled.receipts_root,
        receipts_count=settled.receipts_count,
    )
    await send(ledger, ANN, message)


async def wait_for_epoch(ledger: CosmosLedger, after: int) -> None:
    while await read_epoch(ledger, (await ledger.latest()).height) <= after:  # noqa: ASYNC110  # a chain's
        await asyncio.sleep(0.1)


@pytest.mark.parametrize("left_out", [frozenset(), frozenset({2})])
def test_look__against_the_chain__only_what_was_left_out_is_shown_and_taken(
    tmp_path: Path, target: str, left_out: frozenset[int]
) -> None:
    async def scene(place: Place) -> None:
        async with CosmosLedger.open(target, chain_id=CHAIN_ID) as ledger:
            market = await open_escrow(ledger, place.host)
            purse = Purse(signer=SigningKey(Secret(DAN.secret)), home=place.home, deposit_ngonka=1)
            async with place.open() as (shop, _):
                shop.desk.set_market(market)
                await place.answer(shop, 3)
                await settle(ledger, place.host)
                settled_in = await read_epoch(ledger, (await ledger.latest()).height)
                await wait_for_epoch(ledger, settled_in)
                await ReceiptKeeper(shop.desk, ledger, purse, CHAIN_ID).look()
            for tries in (1, 2):
                place.wait(tries)
                async with place.open() as (shop, _):
                    shop.desk.set_market(market)
                    await ReceiptKeeper(shop.desk, ledger, purse, CHAIN_ID).look()
            height = (await ledger.latest()).height
            shown = await ledger.query(SHOWINGS, QueryShowingsRequest(), QueryShowingsResponse, height=height)
            assert {s.receipt.request for s in shown.showings} == left_out
        missing = len(left_out)
        assert place.tell() == replace(tally(checked=3 - missing, missing=missing, shown=missing), host=ANN.text)

    play(scene, tmp_path / "gateway", Habits(leaves_out=left_out))


async def brief(_: float) -> None:
    await asyncio.sleep(0.01)

"""The gateway's loops against a real chain."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from google.protobuf.message import Message

from chain.process import GENESIS_FILE
from chain_client.cosmos import CosmosLedger
from chain_client.errors import PermanentError
from chain_client.keys.secret import Secret
from chain_client.keys.signing_key import SigningKey
from chain_client.pricing import price_order
from chain_client.sender import Sender
from chain_client.transactions import Fate, Order
from commands.demo.purse import MemoryOutbox
from gateway.accounts import add_customer, top_up
from gateway.desk import Desk
from gateway.guard import open_session
from gateway.hosts import HostClient
from gateway.keeper import Purse, keep_escrows, watch_chain, watch_hosts
from gateway.keys import create_key
from gateway.market import read_market
from gateway.money import PUSD, UsdPrice
from gateway.policies import make_policy
from gateway.prices import set_price
from gateway.promises import read_voucher_secret
from gateway.routing import Chance
from gateway.store import Store
from rules.params import GNK
from tests.chain.api.running import run_chain
from tests.chain.ledger import ANN, CHAIN_ID, DAN, Person, make_genesis
from tests.gateway.shop import HOSTS, open_shop
from tests.gateway.stub_host import Habits
from wire.gonka.inference.v1.inference_pb2 import Model
from wire.gonka.inference.v1.tx_pb2 import MsgSetOffer, MsgSetServingKey
from wire.openai.errors import ApiError

LONGEST_S = 60
MODEL = Model(
    name="tiny-1",
    content_hash=b"\x01" * 32,
    tokenizer_hash=b"\x02" * 32,
    units_per_token_in=1,
    units_per_token_out=2,
    max_context=512,
    base_price_ngonka=10**6,
)


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[str]:
    home = tmp_path / "chain"
    home.mkdir()
    (home / GENESIS_FILE).write_bytes(make_genesis(models=(MODEL,)))
    with run_chain(home) as target:
        yield target


async def pause() -> None:
    await asyncio.sleep(0.02)


async def brief(_: float) -> None:
    await asyncio.sleep(0.05)


async def send(ledger: CosmosLedger, person: Person, message: Message) -> None:
    signer = SigningKey(Secret(person.secret))
    sender = Sender(ledger=ledger, outbox=MemoryOutbox(), signer=signer, chain_id=CHAIN_ID, pause=pause)
    order = Order(order_id="1", messages=(message,), last_height=(await ledger.latest()).height + 100)
    outcome = await sender.send(await price_order(ledger, order, signer.public_key))
    assert outcome.fate is Fate.APPLIED, outcome.result.log


async def offer(ledger: CosmosLedger) -> None:
    """Ann serves the model in Germany."""
    market = await read_market(ledger, DAN.text)
    await send(ledger, ANN, MsgSetServingKey(host=ANN.text, serving_pubkey=ANN.public_key))
    model_id = market.models["tiny-1"].model_id
    await send(ledger, ANN, MsgSetOffer(host=ANN.text, model_ids=[model_id], endpoint="http://a.example", region="DE"))


@asynccontextmanager
async def keep(home: Path, ledger: CosmosLedger, *, deposit: int = 2 * GNK) -> AsyncIterator[Desk]:
    """A gateway's loops over a ledger in `home`, for Dan's account."""
    with Store.open(home) as store, store.serve():
        secret = read_voucher_secret(store.connection)
        async with open_session((), connections=4) as session, asyncio.TaskGroup() as tasks:
            desk = Desk(
                store=store,
                client=HostClient(session, silence_s=1),
                tasks=tasks,
                secret=secret,
                voucher_key=SigningKey(Secret(secret)).public_key,
                chance=Chance(now_ms=lambda: 5, entropy=secrets.token_bytes, draw=lambda _: 0),
            )
            purse = Purse(signer=SigningKey(Secret(DAN.secret)), home=home, deposit_ngonka=deposit)
            loops = [
                tasks.create_task(watch_chain(desk, ledger, DAN.text, chain_id=CHAIN_ID, pause=brief)),
                tasks.create_task(keep_escrows(desk, ledger, purse, chain_id=CHAIN_ID, pause=brief)),
            ]
            try:
                yield desk
            finally:
                for task in [*loops, *desk.deliveries.values()]:
                    task.cancel()


def furnish(home: Path) -> None:
    """A price, a rich customer with a free key and one bound to Germany, and a poor one bound to France."""
    with Store.open(home) as store:
        store.write_now(lambda c: set_price(c, "tiny-1", UsdPrice(in_musd=1, out_musd=1), 1))
        store.write_now(lambda c: top_up(c, "rich", PUSD, "", 1))
        store.write_now(lambda c: add_customer(c, "poor", 1))
        for customer, regions in [("rich", ()), ("rich", ("DE",)), ("rich", ("JP",)), ("poor", ("FR",))]:
            policy = make_policy(regions=regions)
            store.write_now(lambda c, n=customer, p=policy: create_key(c, n, p, entropy=secrets.token_bytes, now_ms=1))  # type: ignore[misc]


def test_keep_escrows__keys_with_money__get_an_escrow_for_each_territory_and_a_restart_opens_no_other(
    tmp_path: Path, chain: str
) -> None:
    home = tmp_path / "gateway"
    furnish(home)

    async def run() -> None:
        async with asyncio.timeout(LONGEST_S), CosmosLedger.open(chain, chain_id=CHAIN_ID) as ledger:
            await offer(ledger)
            for _ in range(2):
                async with keep(home, ledger) as desk:
                    while desk.market is None or len(desk.market.escrows) < 2:  # noqa: ASYNC110  # a chain's
                        await asyncio.sleep(0.02)
                    await asyncio.sleep(0.5)
                    assert desk.market is not None
                    escrows = desk.market.escrows
            assert [e.territory.regions for e in escrows] == [None, ("DE",)] or [
                e.territory.regions for e in escrows
            ] == [("DE",), None]
            assert [dict(e.reserves) for e in escrows] == [{ANN.text: 2 * GNK}] * 2
            assert [e.settled for e in escrows] == [{ANN.text: 0}] * 2
            assert desk.list_serving_keys(ANN.text) == (ANN.public_key,)

    asyncio.run(run())


def test_keep_escrows__killed_between_signature_and_block__the_same_bytes_go_on(tmp_path: Path, chain: str) -> None:
    """The first gateway is cancelled as soon as its transaction is on disk."""
    home = tmp_path / "gateway"
    furnish(home)

    async def run() -> None:
        async with asyncio.timeout(LONGEST_S), CosmosLedger.open(chain, chain_id=CHAIN_ID) as ledger:
            await offer(ledger)
            with suppress(ExceptionGroup):
                async with keep(home, ledger):
                    while not list(home.glob("outbox/*/*/*.tx.json")):  # noqa: ASYNC110  # a file's
                        await asyncio.sleep(0)
            async with keep(home, ledger) as desk:
                while desk.market is None or len(desk.market.escrows) < 2:  # noqa: ASYNC110  # a chain's
                    await asyncio.sleep(0.02)
                await asyncio.sleep(0.5)
                assert desk.market is not None
                assert len(desk.market.escrows) == 2

    asyncio.run(run())


def test_watch_chain__another_chain__ends_the_gateway(tmp_path: Path, chain: str) -> None:
    async def run() -> None:
        async with asyncio.timeout(LONGEST_S), CosmosLedger.open(chain) as ledger:
            with Store.open(tmp_path / "g") as store:
                async with open_session((), connections=1) as session, asyncio.TaskGroup() as tasks:
                    desk = Desk(
                        store=store,
                        client=HostClient(session, silence_s=1),
                        tasks=tasks,
                        secret=bytes(32),
                        voucher_key=bytes(33),
                        chance=Chance(now_ms=lambda: 5, entropy=secrets.token_bytes, draw=lambda _: 0),
                    )
                    with pytest.raises(PermanentError) as caught:
                        await watch_chain(desk, ledger, DAN.text, chain_id="other-1", pause=brief)
        assert caught.value.code == "chain_id_mismatch"

    asyncio.run(run())


def test_watch_hosts__a_host_that_comes_back__is_asked_again_at_once(tmp_path: Path) -> None:
    async def run() -> None:
        async with asyncio.timeout(LONGEST_S), open_shop(tmp_path, [Habits()]) as shop:
            host = HOSTS[0]
            for _ in range(8):
                shop.desk.note_failure(host, ApiError("host_unreachable"))
            assert (await shop.chat())[0] == 503
            watching = asyncio.create_task(watch_hosts(shop.desk, pause=brief))
            while shop.desk.health[host].asked_again_ms:  # noqa: ASYNC110  # the desk's
                await asyncio.sleep(0.01)
            watching.cancel()
            assert (await shop.chat())[0] == 200

    asyncio.run(run())

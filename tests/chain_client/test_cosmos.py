"""The ledger over gRPC against a running chain, and against what is no chain."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import pytest

from chain_client.cosmos import CosmosLedger, name_rule, read_gas_price
from chain_client.errors import PermanentError, TransientError
from chain_client.keys.secret import Secret
from chain_client.keys.signing_key import SigningKey
from chain_client.outbox import FileOutbox
from chain_client.sender import Sender
from chain_client.transactions import (
    Fate,
    Fee,
    Order,
    Outcome,
    compute_fee,
    encode_unsigned,
    sign_order,
)
from tests.chain.api.running import run_chain
from tests.chain.ledger import ANN, BALANCE, BOB, CAT, CHAIN_ID, DAN, STRANGER

from cosmos.bank.v1beta1.query_pb2 import QueryBalanceRequest, QueryBalanceResponse
from cosmos.bank.v1beta1.tx_pb2 import MsgSend
from cosmos.base.v1beta1.coin_pb2 import Coin

T = TypeVar("T")
FEE = Fee(gas_limit=200_000, amount_ngonka=200_000)


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with run_chain(tmp_path_factory.mktemp("chain")) as found:
        yield found


def ask(target: str, question: Callable[[CosmosLedger], Awaitable[T]], chain_id: str = CHAIN_ID) -> T:
    async def connected() -> T:
        async with CosmosLedger.open(target, chain_id=chain_id, timeout_s=3) as ledger:
            return await question(ledger)

    return asyncio.run(connected())


def transfer(name: str, amount: int, sender: str, last_height: int) -> Order:
    message = MsgSend(from_address=sender, to_address=BOB.text, amount=[Coin(denom="ngonka", amount=str(amount))])
    return Order(order_id=name, messages=(message,), last_height=last_height, fee=FEE, memo=name)


async def read_balance(ledger: CosmosLedger, address: str) -> int:
    request = QueryBalanceRequest(address=address, denom="ngonka")
    return int((await ledger.query("/cosmos.bank.v1beta1.Query/Balance", request, QueryBalanceResponse)).balance.amount)


async def send(ledger: CosmosLedger, home: Path, *orders: Order, secret: bytes = DAN.secret) -> list[Outcome]:
    signer = SigningKey(Secret(secret))
    with FileOutbox.open(home, chain_id=CHAIN_ID, address=signer.address) as outbox:
        sender = Sender(
            ledger=ledger, outbox=outbox, signer=signer, chain_id=CHAIN_ID, pause=lambda: asyncio.sleep(0.03)
        )
        await sender.resume()
        height = (await ledger.latest()).height
        return [await sender.send(replace(order, last_height=height + 40)) for order in orders]


def test_latest__a_running_chain__names_it_and_goes_on(target: str) -> None:
    first = ask(target, lambda ledger: ledger.latest())

    assert first.chain_id == CHAIN_ID
    assert first.height >= 1
    assert ask(target, lambda ledger: ledger.latest()).height >= first.height


def test_account__funded_or_not__is_known_or_says_so(target: str) -> None:
    assert ask(target, lambda ledger: ledger.account(CAT.text)).sequence == 0
    with pytest.raises(PermanentError) as caught:
        ask(target, lambda ledger: ledger.account(STRANGER.text))
    assert caught.value.code == "account_unknown"


def test_send__five_in_a_row__are_applied_with_their_events(target: str, tmp_path: Path) -> None:
    orders = [transfer(f"order-{n}", 100 + n, DAN.text, 0) for n in range(5)]

    async def work(ledger: CosmosLedger) -> tuple[list[Outcome], int, int]:
        before = await read_balance(ledger, BOB.text)
        outcomes = await send(ledger, tmp_path, *orders)
        return outcomes, before, await read_balance(ledger, BOB.text)

    outcomes, before, after = ask(target, work)

    assert [outcome.fate for outcome in outcomes] == [Fate.APPLIED] * 5
    assert after - before == 510
    assert len({outcome.result.tx_hash for outcome in outcomes}) == 5
    sent = [dict(event.attributes) for event in outcomes[0].result.events if event.kind == "transfer"]
    assert {"recipient": BOB.text, "amount": "100ngonka"}.items() <= sent[-1].items()


def test_simulate__a_transfer__gives_gas_that_suffices(target: str, tmp_path: Path) -> None:
    async def work(ledger: CosmosLedger) -> tuple[Outcome, Fee]:
        order = transfer("simulated", 1, DAN.text, 0)
        sequence = (await ledger.account(DAN.text)).sequence
        gas_used = await ledger.simulate(encode_unsigned(order, DAN.public_key, sequence))
        fee = compute_fee(gas_used, await ledger.gas_price())
        (outcome,) = await send(ledger, tmp_path, replace(order, fee=fee))
        return outcome, fee

    outcome, fee = ask(target, work)

    assert outcome.fate is Fate.APPLIED
    assert 0 < outcome.result.gas_used <= fee.gas_limit
    assert fee.amount_ngonka > 0


def test_simulate__more_than_there_is__names_the_rule(target: str) -> None:
    async def work(ledger: CosmosLedger) -> int:
        sequence = (await ledger.account(DAN.text)).sequence
        return await ledger.simulate(encode_unsigned(transfer("x", 2 * BALANCE, DAN.text, 0), DAN.public_key, sequence))

    with pytest.raises(PermanentError) as caught:
        ask(target, work)
    assert caught.value.code == "insufficient_funds"


def test_send__fee_above_the_balance__is_refused_and_changes_nothing(target: str, tmp_path: Path) -> None:
    order = replace(transfer("dear", 1, DAN.text, 0), fee=Fee(gas_limit=200_000, amount_ngonka=2 * BALANCE))

    (outcome,) = ask(target, lambda ledger: send(ledger, tmp_path, order))

    assert (outcome.fate, outcome.result.rule) == (Fate.REFUSED, "insufficient_funds")
    assert not list(tmp_path.rglob("*.tx.json"))


def test_send__more_than_there_is__fails_in_its_block(target: str, tmp_path: Path) -> None:
    (outcome,) = ask(target, lambda ledger: send(ledger, tmp_path, transfer("poor", 2 * BALANCE, DAN.text, 0)))

    assert (outcome.fate, outcome.result.rule) == (Fate.FAILED, "insufficient_funds")
    assert outcome.result.height > 0


def test_broadcast__a_stale_sequence__is_a_sequence_mismatch(target: str) -> None:
    async def work(ledger: CosmosLedger) -> str:
        account = await ledger.account(ANN.text)
        signer = SigningKey(Secret(ANN.secret))
        order = transfer("stale", 1, ANN.text, 10**6)
        tx = sign_order(order, signer, replace(account, sequence=account.sequence + 9), CHAIN_ID)
        return (await ledger.broadcast(tx.raw)).rule

    assert ask(target, work) == "sequence_mismatch"


@pytest.mark.parametrize("garbage", [b"", b"\xff" * 40, b"\x0a\x00\x12\x00"])
def test_broadcast__garbage__is_refused_with_a_code(target: str, garbage: bytes) -> None:
    async def work(ledger: CosmosLedger) -> str:
        try:
            return (await ledger.broadcast(garbage)).rule
        except PermanentError as error:
            return error.code

    assert ask(target, work) in {"tx_malformed", "request_invalid"}


def test_find__a_hash_of_nothing__is_none(target: str) -> None:
    assert ask(target, lambda ledger: ledger.find("00" * 32)) is None


def test_open__another_chain_id__is_refused_before_anything_is_asked(target: str) -> None:
    with pytest.raises(PermanentError) as caught:
        ask(target, lambda ledger: ledger.latest(), chain_id="gonka-elsewhere")
    assert caught.value.code == "chain_id_mismatch"
    assert caught.value.fields == {"found": CHAIN_ID, "wanted": "gonka-elsewhere"}


def test_query__a_method_that_is_none__is_a_coded_error(target: str) -> None:
    request = QueryBalanceRequest()
    with pytest.raises(PermanentError) as caught:
        ask(target, lambda ledger: ledger.query("/gonka.nothing.v1.Query/Nothing", request, QueryBalanceResponse))
    assert caught.value.code == "chain_answer_invalid"


def test_latest__nobody_listens__is_unreachable() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        target = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(TransientError) as caught:
            ask(target, lambda ledger: ledger.latest(), chain_id="")
    assert caught.value.code == "chain_unreachable"


def test_latest__a_port_that_never_answers__times_out() -> None:
    held: list[socket.socket] = []
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        threading.Thread(target=lambda: held.append(listener.accept()[0]), daemon=True).start()
        target = f"127.0.0.1:{listener.getsockname()[1]}"

        async def hurried() -> None:
            async with CosmosLedger.open(target, timeout_s=0.5) as ledger:
                await ledger.latest()

        with pytest.raises(TransientError) as caught:
            asyncio.run(hurried())
    for connection in held:
        connection.close()
    assert caught.value.code in {"chain_timed_out", "chain_unreachable"}


@pytest.mark.parametrize(
    ("text", "expected", "words"),
    [
        ("0.025ngonka", (1, 40, "ngonka"), "decimal"),
        ("1ngonka,2uatom", (1, 1, "ngonka"), "the first of two"),
        ("", (0, 1, "ngonka"), "none asked"),
    ],
)
def test_read_gas_price__as_nodes_write_it__is_a_fraction(
    text: str, expected: tuple[int, int, str], words: str
) -> None:
    price = read_gas_price(text)

    assert (price.numerator, price.denominator, price.denom) == expected


@pytest.mark.parametrize("text", ["ngonka", "1", "-1ngonka", "1e5ngonka!", "١ngonka "])
def test_read_gas_price__no_price__is_refused(text: str) -> None:
    with pytest.raises(PermanentError, match="chain_answer_invalid"):
        read_gas_price(text)


def test_name_rule__ours_and_others__are_told_apart() -> None:
    assert name_rule("gonka", 5) == "insufficient_funds"
    assert name_rule("sdk", 5) == "sdk/5"
    assert name_rule("gonka", 0) == ""

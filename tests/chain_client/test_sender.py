"""One owner of the sequence: every order applied at most once, none lost, wherever the power goes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chain_client.errors import TransientError
from chain_client.keys.secret import Secret
from chain_client.keys.signing_key import SigningKey
from chain_client.ledger import Account, Block, GasPrice, Receipt, TxResult
from chain_client.outbox import FileOutbox
from chain_client.sender import Sender
from chain_client.transactions import Fate, Order, Outcome, SignedTx, sign_order
from tests.chain_client.fake_ledger import CHAIN_ID, FakeLedger
from wire.gonka.stake.v1.tx_pb2 import MsgStake

T = TypeVar("T")
KEY = SigningKey(Secret(b"\7" * 32))


def order(name: str, last_height: int = 40) -> Order:
    message = MsgStake(host=KEY.address, amount_ngonka=1)
    return Order(order_id=name, messages=(message,), last_height=last_height, memo=name)


class MemoryOutbox:
    """An outbox whose disk outlives its process."""

    def __init__(self) -> None:
        self.open: dict[str, SignedTx] = {}
        self.outcomes: dict[str, Outcome] = {}

    def find(self, order_id: str) -> SignedTx | Outcome | None:
        return self.outcomes.get(order_id) or self.open.get(order_id)

    def record(self, tx: SignedTx) -> None:
        self.open[tx.order_id] = tx

    def settle(self, outcome: Outcome) -> None:
        self.outcomes[outcome.order_id] = outcome
        self.open.pop(outcome.order_id, None)

    def unsettled(self) -> tuple[SignedTx, ...]:
        return tuple(self.open.values())


class PowerCut(BaseException):
    """The process stops here."""


class Fuse:
    """Cuts the power at the n-th point passed; 0 never."""

    def __init__(self, at: int) -> None:
        self.at = at
        self.passed = 0

    def point(self) -> None:
        self.passed += 1
        if self.passed == self.at:
            raise PowerCut


class FusedOutbox:
    """An outbox with a point before and after every write."""

    def __init__(self, inner: MemoryOutbox, fuse: Fuse) -> None:
        self.inner, self.fuse = inner, fuse

    def find(self, order_id: str) -> SignedTx | Outcome | None:
        return self.inner.find(order_id)

    def unsettled(self) -> tuple[SignedTx, ...]:
        return self.inner.unsettled()

    def record(self, tx: SignedTx) -> None:
        self.fuse.point()
        self.inner.record(tx)
        self.fuse.point()

    def settle(self, outcome: Outcome) -> None:
        self.fuse.point()
        self.inner.settle(outcome)
        self.fuse.point()


class FusedLedger:
    """A chain with a point before and after every call, and a network that loses what `lose` says."""

    def __init__(self, inner: FakeLedger, fuse: Fuse, lose: Callable[[], bool] = lambda: False) -> None:
        self.inner, self.fuse, self.lose = inner, fuse, lose

    def _pass(self) -> None:
        self.fuse.point()
        if self.lose():
            raise TransientError("chain_unreachable", "lost on the way")

    async def latest(self) -> Block:
        self._pass()
        return await self.inner.latest()

    async def account(self, address: str) -> Account:
        self._pass()
        return await self.inner.account(address)

    async def find(self, tx_hash: str) -> TxResult | None:
        self._pass()
        return await self.inner.find(tx_hash)

    async def broadcast(self, tx: bytes) -> Receipt:
        self._pass()
        receipt = await self.inner.broadcast(tx)
        self._pass()
        return receipt

    async def query(self, method: str, request: object, answer: object, *, height: int = 0) -> object:
        return await self.inner.query(method, request, answer, height=height)

    async def simulate(self, tx: bytes) -> int:
        return await self.inner.simulate(tx)

    async def gas_price(self) -> GasPrice:
        return await self.inner.gas_price()


def make_sender(chain: FakeLedger, outbox: object, ledger: object = None) -> Sender:
    """A sender whose every pause is a block."""

    async def pause() -> None:
        chain.next_block()

    return Sender(ledger=ledger or chain, outbox=outbox, signer=KEY, chain_id=CHAIN_ID, pause=pause)  # type: ignore[arg-type]


def run(coroutine: Coroutine[object, object, T]) -> T:
    async def story() -> T:
        async with asyncio.timeout(20):
            return await coroutine

    return asyncio.run(story())


def send_all(chain: FakeLedger, *orders: Order, outbox: MemoryOutbox | None = None) -> list[Outcome]:
    """The outcomes of orders sent one after another."""

    async def send() -> list[Outcome]:
        sender = make_sender(chain, outbox or MemoryOutbox())
        return [await sender.send(item) for item in orders]

    return run(send())


def sign_foreign(sequence: int) -> bytes:
    """A transaction of the same account by somebody else, such as a command beside the daemon."""
    account = Account(address=KEY.address, number=7, sequence=sequence)
    return sign_order(order("foreign"), KEY, account, CHAIN_ID).raw


def test_send__three_orders__are_applied_in_order() -> None:
    chain = FakeLedger()

    outcomes = send_all(chain, order("a"), order("b"), order("c"))

    assert [outcome.fate for outcome in outcomes] == [Fate.APPLIED] * 3
    assert chain.applied == ["a", "b", "c"]
    assert [outcome.result.height for outcome in outcomes] == [11, 12, 13]


def test_send__many_at_once__take_turns() -> None:
    chain = FakeLedger()

    async def send() -> None:
        sender = make_sender(chain, MemoryOutbox())
        await asyncio.gather(*[sender.send(order(name)) for name in "abcde"])

    run(send())

    assert sorted(chain.applied) == list("abcde")
    assert len(chain.broadcasts) == 5


def test_send__before_the_first_broadcast__the_bytes_are_in_the_outbox() -> None:
    chain, outbox = FakeLedger(), MemoryOutbox()

    async def send_until_broadcast() -> None:
        class Watched(FakeLedger):
            async def broadcast(self, tx: bytes) -> Receipt:
                assert [kept.raw for kept in outbox.unsettled()] == [tx]
                return await super().broadcast(tx)

        watched = Watched()
        await make_sender(watched, outbox).send(order("a"))
        assert watched.applied == ["a"]

    run(send_until_broadcast())
    assert chain.applied == []


def test_send__an_order_already_done__is_not_signed_again() -> None:
    chain, outbox = FakeLedger(), MemoryOutbox()

    first, second = send_all(chain, order("a"), order("a"), outbox=outbox)

    assert first == second
    assert chain.applied == ["a"]


@pytest.mark.parametrize(
    ("rule", "fate", "words"),
    [("insufficient_funds", Fate.REFUSED, "by the node"), ("unauthorized", Fate.FAILED, "in the block")],
)
def test_send__refused_or_failed__tells_the_rule_and_the_next_order_goes_on(rule: str, fate: Fate, words: str) -> None:
    chain = FakeLedger()
    (chain.refused_memos if fate is Fate.REFUSED else chain.failing_memos)["a"] = rule

    first, second = send_all(chain, order("a"), order("b"))

    assert (first.fate, first.result.rule) == (fate, rule)
    assert second.fate is Fate.APPLIED
    assert chain.applied == ["b"]


def test_send__a_full_queue__is_tried_again_until_there_is_room() -> None:
    chain = FakeLedger(mempool_size=0)

    async def send() -> Outcome:
        async def pause() -> None:
            chain.next_block()
            chain.mempool_size = 1 if chain.height > 15 else 0

        sender = Sender(ledger=chain, outbox=MemoryOutbox(), signer=KEY, chain_id=CHAIN_ID, pause=pause)
        return await sender.send(order("a"))

    assert run(send()).fate is Fate.APPLIED
    assert chain.applied == ["a"]
    assert len(set(chain.broadcasts)) == 1
    assert len(chain.broadcasts) > 3


def test_send__no_room_until_the_last_height__expires_and_changes_nothing() -> None:
    chain = FakeLedger(mempool_size=0)

    (outcome,) = send_all(chain, order("a", last_height=15))

    assert outcome.fate is Fate.EXPIRED
    assert chain.height == 16
    chain.mempool_size = 1
    assert send_all(chain, order("b"))[0].fate is Fate.APPLIED
    assert chain.applied == ["b"]


@pytest.mark.parametrize("lag", [0, 1])
def test_send__somebody_else_used_the_sequence__is_signed_again_and_both_apply(lag: int) -> None:
    chain = FakeLedger(queue=[sign_foreign(0)], lag=lag)

    (outcome,) = send_all(chain, order("a"))

    assert outcome.fate is Fate.APPLIED
    assert chain.applied == ["foreign", "a"]


def test_send__a_node_that_lists_late__does_not_apply_twice() -> None:
    chain = FakeLedger(lag=1)

    outcomes = send_all(chain, order("a"), order("b"))

    assert [outcome.fate for outcome in outcomes] == [Fate.APPLIED] * 2
    assert chain.applied == ["a", "b"]


VARIANTS = {
    "plain": FakeLedger,
    "lists late": lambda: FakeLedger(lag=1),
    "sequence taken": lambda: FakeLedger(queue=[sign_foreign(0)]),
    "second refused": lambda: FakeLedger(refused_memos={"b": "insufficient_funds"}),
    "second fails": lambda: FakeLedger(failing_memos={"b": "unauthorized"}),
}


def live(chain: FakeLedger, outbox: MemoryOutbox, fuse: Fuse, lose: Callable[[], bool] = lambda: False) -> None:
    """One life of a process that has three orders to send; it may end in a power cut."""

    async def work() -> None:
        sender = make_sender(chain, FusedOutbox(outbox, fuse), FusedLedger(chain, fuse, lose))
        await sender.resume()
        for name in "abc":
            await send_patiently(sender, order(name))

    run(work())


async def send_patiently(sender: Sender, item: Order) -> Outcome:
    while True:
        try:
            return await sender.send(item)
        except TransientError:
            continue


def check_truth(chain: FakeLedger, outbox: MemoryOutbox) -> None:
    """Every order has an outcome; what it says is what happened; nothing happened twice."""
    mine = [memo for memo in chain.applied if memo != "foreign"]
    assert len(mine) == len(set(mine))
    assert set(outbox.outcomes) == set("abc")
    assert sorted(mine) == sorted(name for name, outcome in outbox.outcomes.items() if outcome.fate is Fate.APPLIED)
    assert not outbox.unsettled()


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("blocks_down", [0, 1, 3])
def test_sender__power_cut_at_every_point__applies_each_order_once(variant: str, blocks_down: int) -> None:
    for at in range(1, 200):
        chain, outbox = VARIANTS[variant](), MemoryOutbox()
        try:
            live(chain, outbox, Fuse(at))
        except PowerCut:
            for _ in range(blocks_down):
                chain.next_block()
            live(chain, outbox, Fuse(0))
            check_truth(chain, outbox)
            continue
        check_truth(chain, outbox)
        assert at > 20
        return
    pytest.fail("the sender passes more points than this test knows of")


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(sorted(VARIANTS)),
    st.lists(st.integers(min_value=1, max_value=60), max_size=6),
    st.lists(st.booleans(), max_size=40),
)
def test_sender__power_cuts_and_a_lossy_network__nothing_twice_and_every_outcome_true(
    variant: str, cuts: list[int], losses: list[bool]
) -> None:
    chain, outbox = VARIANTS[variant](), MemoryOutbox()
    for at in [*cuts, 0]:
        try:
            live(chain, outbox, Fuse(at), lambda: bool(losses and losses.pop()))
        except PowerCut:
            continue
    check_truth(chain, outbox)


def test_sender__two_processes_side_by_side__apply_each_order_once() -> None:
    chain, mine, theirs = FakeLedger(), MemoryOutbox(), MemoryOutbox()

    async def work() -> None:
        first, second = make_sender(chain, mine), make_sender(chain, theirs)
        await asyncio.gather(
            *[first.send(order(f"a{n}")) for n in range(3)], *[second.send(order(f"b{n}")) for n in range(3)]
        )

    run(work())

    assert sorted(chain.applied) == ["a0", "a1", "a2", "b0", "b1", "b2"]


def test_sender__with_files__survives_a_restart(tmp_path: Path) -> None:
    chain = FakeLedger()
    outbox = FileOutbox(tmp_path)
    account = Account(address=KEY.address, number=7, sequence=0)
    outbox.record(sign_order(order("a"), KEY, account, CHAIN_ID))

    (outcome,) = run(make_sender(chain, FileOutbox(tmp_path)).resume())

    assert outcome.fate is Fate.APPLIED
    assert chain.applied == ["a"]
    assert FileOutbox(tmp_path).unsettled() == ()

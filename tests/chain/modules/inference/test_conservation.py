"""Whatever developers and hosts do, no ngonka appears or goes: it is held, settled, burned or given back."""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from chain.modules.bank.state import get_balance, get_supply, scan_balances
from chain.modules.inference import state
from rules.errors import RuleError
from rules.params import GNK, MILLION
from rules.types import Phase
from rules.vouchers import Tokens
from tests.chain.ledger import ANN, BOB, CAT, DAN, STRANGER
from tests.chain.market import Market, offer_of
from tests.chain.network import Network
from wire.gonka.inference.v1.tx_pb2 import (
    MsgCloseEscrow,
    MsgSetOffer,
    MsgSettleVoucher,
    MsgSettleVoucherResponse,
    MsgTopUpEscrow,
)
from wire.gonka.stake.v1.tx_pb2 import MsgLeave
from wire.signing import sign_digest

people = st.sampled_from([ANN, BOB, CAT, DAN, STRANGER])
hosts = st.sampled_from([ANN, BOB, CAT])
numbers = st.integers(1, 4)
added = st.sampled_from([0, 1, 24, 25, 26, 999, 10**6, 7 * 10**7, 10**9])
amounts = st.sampled_from([0, 1, 7, GNK, GNK + 1, 33 * GNK, 2_000 * GNK, 2**63, 2**64 - 1])
counts = st.sampled_from([0, 1, 3, 1_000, 10**6, 10**9, 10**11, 2**63, 2**64 - 1])


class Trade(RuleBasedStateMachine):
    """Messages in any order; the model beside the chain remembers what each escrow was paid, by its responses."""

    @initialize()
    def begin(self) -> None:
        self.market = Market.open(Network(stakes=0))
        self.network = self.market.network
        self.network.players = []
        self.settled: dict[tuple[int, str], int] = {}
        self.burned = 0
        self.escrows = [self.market.escrow(deposit=10 * GNK + 2)]
        self.supply = get_supply(self.network.store)

    def send(self, message: Any) -> Any:
        try:
            return self.network.send(message)
        except RuleError:
            return None

    @rule(developer=st.sampled_from([DAN, ANN]), deposit=st.integers(GNK, 20 * GNK))
    def open(self, developer: Any, deposit: int) -> None:
        response = self.send(self.market.request(deposit, developer=developer))
        if response is not None:
            self.escrows.append(response.escrow_id)

    @rule(pick=st.integers(0, 99), ahead=st.integers(1, 3), read=added, written=added)
    def work(self, pick: int, ahead: int, read: int, written: int) -> None:
        """The host's next voucher, of some more tokens."""
        escrow = self.market.find(self.escrows[pick % len(self.escrows)])
        reserve = escrow.reserves[pick % len(escrow.reserves)]
        host = next(person for person in (ANN, BOB, CAT) if person.text == reserve.host)
        tokens = Tokens(tokens_in=reserve.tokens_in + read, tokens_out=reserve.tokens_out + written)
        self.settle_voucher(self.market.voucher(escrow.escrow_id, host, reserve.serial + ahead, tokens), host)

    @rule(pick=st.integers(0, 99), amount=st.integers(1, GNK))
    def add(self, pick: int, amount: int) -> None:
        escrow = self.market.find(self.escrows[pick % len(self.escrows)])
        self.send(MsgTopUpEscrow(developer=escrow.developer, escrow_id=escrow.escrow_id, amount_ngonka=amount))

    @rule(pick=st.integers(0, 99), go=st.booleans())
    def end(self, pick: int, go: bool) -> None:
        escrow = self.market.find(self.escrows[pick % len(self.escrows)])
        self.send(MsgCloseEscrow(developer=escrow.developer, escrow_id=escrow.escrow_id))
        if go:
            self.network.goto(Phase.SERVE)

    @rule(developer=people, deposit=amounts)
    def open_anyhow(self, developer: Any, deposit: int) -> None:
        self.send(self.market.request(deposit, developer=developer))

    @rule(developer=people, escrow_id=numbers, amount=amounts)
    def top_up_anyhow(self, developer: Any, escrow_id: int, amount: int) -> None:
        self.send(MsgTopUpEscrow(developer=developer.text, escrow_id=escrow_id, amount_ngonka=amount))

    @rule(host=hosts, sender=people, escrow_id=numbers, serial=st.integers(0, 20), read=counts, written=counts)
    def settle_anyhow(self, host: Any, sender: Any, escrow_id: int, serial: int, read: int, written: int) -> None:
        if state.get_escrow(self.network.store, escrow_id) is None:
            return
        try:
            voucher = self.market.voucher(escrow_id, host, serial, Tokens(tokens_in=read, tokens_out=written))
        except (OverflowError, ValueError):
            return  # an amount that no voucher can say
        self.settle_voucher(voucher, sender)

    def settle_voucher(self, voucher: Any, sender: Any) -> None:
        paid = self.send(MsgSettleVoucher(sender=sender.text, voucher=voucher))
        if isinstance(paid, MsgSettleVoucherResponse):
            amount, key = paid.paid_ngonka + paid.burned_ngonka, (voucher.escrow_id, voucher.host)
            assert amount > 0
            assert paid.burned_ngonka == amount * 50_000 // MILLION
            self.settled[key] = self.settled.get(key, 0) + amount
            self.burned += paid.burned_ngonka
            assert self.send(MsgSettleVoucher(sender=sender.text, voucher=voucher)) is None, "a replay"

    @rule(host=hosts, escrow_id=numbers)
    def forge(self, host: Any, escrow_id: int) -> None:
        if state.get_escrow(self.network.store, escrow_id) is None:
            return
        voucher = self.market.voucher(escrow_id, host, 21, Tokens(tokens_in=10**6))
        voucher.signature = sign_digest(host.secret, bytes(32))
        assert self.send(MsgSettleVoucher(sender=host.text, voucher=voucher)) is None

    @rule(developer=people, escrow_id=numbers)
    def close_anyhow(self, developer: Any, escrow_id: int) -> None:
        self.send(MsgCloseEscrow(developer=developer.text, escrow_id=escrow_id))

    @rule(host=hosts, offers=st.booleans())
    def offer(self, host: Any, offers: bool) -> None:
        self.send(offer_of(host, self.market.model_id) if offers else MsgSetOffer(host=host.text))

    @precondition(lambda self: len(self.escrows) > 2)
    @rule()
    def leave(self) -> None:
        self.send(MsgLeave(host=CAT.text))

    @rule()
    def next_epoch(self) -> None:
        self.network.goto(Phase.SERVE)

    @invariant()
    def balances_and_what_burned_are_what_there_was(self) -> None:
        store = self.network.store
        assert sum(amount for _, amount in scan_balances(store)) == get_supply(store) == self.supply - self.burned

    @invariant()
    def an_escrow_is_what_was_paid_and_refunded_and_is_left(self) -> None:
        left = 0
        for escrow in state.scan_escrows(self.network.store):
            paid = sum(reserve.paid_ngonka for reserve in escrow.reserves)
            assert sum(reserve.reserve_ngonka for reserve in escrow.reserves) == escrow.deposit_ngonka
            assert all(reserve.paid_ngonka <= reserve.reserve_ngonka for reserve in escrow.reserves)
            for reserve in escrow.reserves:
                assert reserve.paid_ngonka == self.settled.get((escrow.escrow_id, reserve.host), 0)
            if escrow.closed:
                assert escrow.refunded_ngonka == escrow.deposit_ngonka - paid
            else:
                assert escrow.refunded_ngonka == 0
                left += escrow.deposit_ngonka - paid
        assert get_balance(self.network.store, state.POOL) == left


TestTrade = Trade.TestCase
TestTrade.settings = settings(max_examples=50, stateful_step_count=25, deadline=None)

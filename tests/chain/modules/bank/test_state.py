"""Money: never made or lost by moving it."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from chain.modules.auth.state import create_account, get_account, scan_accounts
from chain.modules.bank import state as bank
from chain.store.overlay import Overlay
from chain.store.store import Store
from rules.errors import RuleError

ADDRESSES = st.sampled_from([bytes([i]) * 20 for i in range(4)])
AMOUNTS = st.one_of(st.integers(0, 50), st.integers(0, bank.MAX_SUPPLY))
ANN, BOB = bytes(20), bytes([1]) * 20


class Money(RuleBasedStateMachine):
    """Any sends, mints and burns, some of which are refused."""

    @initialize()
    def open(self) -> None:
        self.store = Overlay(Store.in_memory().latest)
        self.minted = 0

    def attempt(self, act: object, *arguments: object) -> bool:
        branch = Overlay(self.store)
        try:
            act(branch, *arguments)  # type: ignore[operator]
        except RuleError:
            return False
        branch.flush_into(self.store)
        return True

    @rule(sender=ADDRESSES, recipient=ADDRESSES, amount=AMOUNTS)
    def send(self, sender: bytes, recipient: bytes, amount: int) -> None:
        before = bank.get_balance(self.store, sender)
        assert self.attempt(bank.send, sender, recipient, amount) == (before >= amount)

    @rule(recipient=ADDRESSES, amount=AMOUNTS)
    def mint(self, recipient: bytes, amount: int) -> None:
        if self.attempt(bank.mint, recipient, amount):
            self.minted += amount

    @rule(holder=ADDRESSES, amount=AMOUNTS)
    def burn(self, holder: bytes, amount: int) -> None:
        if self.attempt(bank.burn, holder, amount):
            self.minted -= amount

    @invariant()
    def balances_sum_to_the_supply(self) -> None:
        balances = dict(bank.scan_balances(self.store))
        assert sum(balances.values()) == bank.get_supply(self.store) == self.minted <= bank.MAX_SUPPLY
        assert all(amount > 0 for amount in balances.values())

    @invariant()
    def who_holds_money_has_an_account(self) -> None:
        accounts = dict(scan_accounts(self.store))
        assert all(address in accounts for address, _ in bank.scan_balances(self.store))
        assert sorted(account.number for account in accounts.values()) == list(range(len(accounts)))


Money.TestCase.settings = settings(max_examples=30, stateful_step_count=20, deadline=None)
TestMoney = Money.TestCase


@pytest.fixture
def store() -> Overlay:
    store = Overlay(Store.in_memory().latest)
    bank.mint(store, ANN, 100)
    return store


def test_send__to_oneself__changes_nothing(store: Overlay) -> None:
    bank.send(store, ANN, ANN, 100)
    assert bank.get_balance(store, ANN) == 100


def test_send__everything__leaves_the_account(store: Overlay) -> None:
    bank.send(store, ANN, BOB, 100)
    assert (bank.get_balance(store, ANN), bank.get_balance(store, BOB)) == (0, 100)
    assert get_account(store, ANN) is not None


@pytest.mark.parametrize(("amount", "code"), [(101, "insufficient_funds"), (-1, "amount_invalid")])
def test_send__more_than_there_is_or_less_than_nothing__is_refused(store: Overlay, amount: int, code: str) -> None:
    with pytest.raises(RuleError, match=code):
        bank.send(store, ANN, BOB, amount)


@pytest.mark.parametrize("amount", [-1, bank.MAX_SUPPLY - 99])
def test_mint__beyond_the_bounds__is_refused(store: Overlay, amount: int) -> None:
    with pytest.raises(RuleError, match="amount_invalid"):
        bank.mint(store, ANN, amount)


def test_create_account__twice__is_one_account(store: Overlay) -> None:
    assert create_account(store, BOB) == create_account(store, BOB)
    assert create_account(store, b"c" * 20).number == create_account(store, BOB).number + 1

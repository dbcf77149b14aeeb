from hypothesis import given
from hypothesis import strategies as st

from chain.modules.bank import state as bank
from chain.modules.stake import state
from chain.store.overlay import Overlay
from rules.params import MILLION
from rules.types import Host
from tests.chain.network import Empty
from wire.gonka.stake.v1.stake_pb2 import TableEntry

ANN, BOB = Host(bytes(20)), Host(b"\xff" * 20)


def make_store(stake: int, *unbonding: int) -> Overlay:
    store = Overlay(Empty())
    record = state.new_host(ANN, registered_epoch=0)
    record.stake_ngonka = stake
    state.set_host(store, ANN, record)
    for epoch, amount in enumerate(unbonding):
        state.set_unbonding(store, ANN, epoch, amount)
    state.set_unbonding(store, BOB, 1, 50)
    bank.mint(store, state.STAKE_POOL, stake + sum(unbonding) + 50)
    return store


def held(store: Overlay) -> list[int]:
    stake = state.find_host(store, ANN).stake_ngonka
    return [stake, *(entry.amount_ngonka for _, entry in state.scan_unbonding(store, ANN))]


def test_burn_stake__takes_stake_first_then_what_is_released_first() -> None:
    store = make_store(10, 20, 30)
    assert state.burn_stake(store, ANN, 15) == 15
    assert held(store) == [0, 15, 30]
    assert state.burn_stake(store, ANN, 100) == 45
    assert held(store) == [0]
    assert bank.get_supply(store) == 50
    assert state.find_host(store, ANN).slashed_ngonka == 60


def test_slash_stake__floors_each_part() -> None:
    store = make_store(99, 9, 101)
    assert state.slash_stake(store, ANN, MILLION // 10) == 9 + 0 + 10
    assert held(store) == [90, 9, 91]


@given(st.integers(0, 2**60), st.lists(st.integers(0, 2**50), max_size=4), st.integers(0, MILLION))
def test_a_slash_burns_what_it_takes_and_leaves_others_alone(stake: int, unbonding: list[int], ppm: int) -> None:
    store = make_store(stake, *unbonding)
    burned = state.slash_stake(store, ANN, ppm)
    assert 0 <= burned <= (stake + sum(unbonding)) * ppm // MILLION
    assert sum(held(store)) + burned == stake + sum(unbonding)
    assert bank.get_supply(store) == bank.get_balance(store, state.STAKE_POOL) == sum(held(store)) + 50
    assert [entry.amount_ngonka for _, entry in state.scan_unbonding(store, BOB)] == [50]


def test_tables__are_kept_by_epoch__and_the_last_written_is_in_force() -> None:
    store = Overlay(Empty())
    state.set_table(store, 0, {ANN: TableEntry(units=5, effective_units=5)})
    state.set_table(store, 1, {BOB: TableEntry(units=7, effective_units=6), ANN: TableEntry(units=1)})
    assert state.table_epoch(store) == 1
    assert list(state.get_weights(store, 1).items()) == [(ANN, 0), (BOB, 6)]
    assert (state.get_units(store, 0, ANN), state.get_units(store, 0, BOB)) == (5, 0)
    state.delete_tables_before(store, 1)
    assert state.get_table(store, 0) == {}
    assert state.get_units(store, 1, BOB) == 6

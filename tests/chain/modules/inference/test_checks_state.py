"""What the state keeps of checks."""

from chain.modules.inference import checks_state
from chain.store.overlay import Overlay
from rules.evidence import ALARM, ONE, Wealth
from rules.types import Host
from tests.chain.ledger import ANN, BOB
from tests.chain.network import Empty
from wire.gonka.inference.v1.check_pb2 import CheckSeat, Lot, ReportSet


def test_conduct__the_greatest_wealth_there_can_be__is_read_back() -> None:
    store, host = Overlay(Empty()), Host(ANN.address)
    conduct = checks_state.get_conduct(store, host, bytes(32))
    assert checks_state.read_wealth(conduct) == Wealth()
    wealth = Wealth(amount=4 * (ALARM + 1) * ONE, rounds=7)
    checks_state.fill_wealth(conduct, wealth)
    checks_state.set_conduct(store, host, conduct)
    assert checks_state.read_wealth(checks_state.get_conduct(store, host, bytes(32))) == wealth
    assert [found.rounds for found in checks_state.scan_conduct(store, host)] == [7]
    assert list(checks_state.scan_conduct(store, Host(BOB.address))) == []


def test_delete_checks__lots_and_reports__are_gone_and_conduct_stays() -> None:
    store, host = Overlay(Empty()), Host(ANN.address)
    lot = Lot(escrow_id=300, host=BOB.text, seats=[CheckSeat(verifier=ANN.text, count=1)])
    checks_state.set_lot(store, lot)
    checks_state.set_lot(store, Lot(escrow_id=5, host=BOB.text))
    checks_state.set_reports(store, host, ReportSet(commitment=bytes(32)))
    checks_state.set_conduct(store, host, checks_state.get_conduct(store, host, bytes(32)))
    assert [found.escrow_id for found in checks_state.scan_lots(store)] == [5, 300]
    assert list(checks_state.scan_seated(store, host)) == [lot]
    checks_state.delete_checks(store)
    assert list(checks_state.scan_lots(store)) == list(checks_state.scan_seated(store, host)) == []
    assert checks_state.get_reports(store, host) is None
    assert list(checks_state.scan_conduct(store, host))

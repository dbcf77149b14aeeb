"""What a node says of lots and of conduct."""

from chain.modules.inference.checks_queries import get_conduct, list_lots
from chain.modules.query import Snapshot
from rules.params import MILLION
from rules.types import Phase
from tests.chain.court import NULL, Court, all_say, commitment_of
from tests.chain.ledger import ANN, BOB, CAT, CHAIN_ID
from wire.gonka.inference.v1.check_pb2 import QueryConductRequest, QueryLotsRequest


def snapshot(court: Court) -> Snapshot:
    store = court.network.store
    return Snapshot(store=store, records=store, height=court.network.height, time_ns=0, chain_id=CHAIN_ID)


def test_list_lots__by_host_and_by_verifier__are_those_and_what_the_verifier_sent() -> None:
    court = Court()
    court.network.play(Phase.SERVE)
    court.settle(court.market.escrow())
    court.settle(court.market.escrow(), BOB)
    court.network.play(Phase.REVEAL)
    both = list_lots(snapshot(court), QueryLotsRequest())
    assert (both.epoch, len(both.lots)) == (court.network.epoch, 2)
    assert [lot.host for lot in list_lots(snapshot(court), QueryLotsRequest(host=BOB.text)).lots] == [BOB.text]
    mine = list_lots(snapshot(court), QueryLotsRequest(verifier=CAT.text))
    assert all(CAT.text in [seat.verifier for seat in lot.seats] for lot in mine.lots)
    assert not mine.reports.commitment
    message = commitment_of(court.network, court.report(CAT, 0))
    court.network.send(message)
    assert list_lots(snapshot(court), QueryLotsRequest(verifier=CAT.text)).reports.commitment == message.commitment


def test_list_lots__once_reports_are_revealed__tells_who_found_what_in_the_lots_that_were_asked_for() -> None:
    court = Court()
    court.network.play(Phase.SERVE)
    court.settle(court.market.escrow())
    court.settle(court.market.escrow(), BOB)
    court.network.play(Phase.ROWS_COMMIT)
    message = court.report(CAT, 1234)
    court.network.send(commitment_of(court.network, message))
    assert not list_lots(snapshot(court), QueryLotsRequest(host=BOB.text)).revealed  # promised, and nobody's to see
    court.network.play(Phase.DISPUTE_REVEAL)
    court.network.send(message)
    (found,) = list_lots(snapshot(court), QueryLotsRequest(host=BOB.text)).revealed
    assert (found.verifier, found.report.host, found.report.distance_ppm) == (CAT.text, BOB.text, 1234)
    assert len(list_lots(snapshot(court), QueryLotsRequest()).revealed) == len(message.reports)


def test_get_conduct__before_and_after_a_check__says_how_many_answers_are_opened() -> None:
    court = Court()
    court.network.play(Phase.SERVE)
    assert list(get_conduct(snapshot(court), QueryConductRequest(host=ANN.text)).conduct) == []
    for _ in range(8):
        court.settle(court.market.escrow())
    court.judge(all_say(NULL))
    (conduct,) = get_conduct(snapshot(court), QueryConductRequest(host=ANN.text)).conduct
    assert (conduct.reputation, conduct.rate_ppm) == (8, MILLION // 2)

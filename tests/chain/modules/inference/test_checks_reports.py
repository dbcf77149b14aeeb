"""Reports are taken in their windows, from who holds seats, and as they were committed."""

import pytest
from google.protobuf.message import Message

from rules.errors import RuleError
from rules.evidence import WORST_PPM
from rules.types import Phase
from tests.chain.court import HOSTS, Court, commitment_of
from tests.chain.ledger import ANN, DAN
from tests.chain.market import serving_key_of
from tests.chain.modules.beacon.test_messages import changed
from tests.chain.network import Network
from wire.gonka.inference.v1.check_pb2 import MsgRevealReports


def refuse(network: Network, message: Message, code: str) -> None:
    with pytest.raises(RuleError) as error:
        network.send(message)
    assert error.value.code == code


def test_commit_reports__twice_or_short_or_unseated_or_late__is_refused() -> None:
    court = Court()
    court.network.play(Phase.SERVE)
    court.settle(court.market.escrow())
    court.network.play(Phase.REVEAL)
    seated = next(p for p in HOSTS if p.text == court.lots()[0].seats[0].verifier)
    message = commitment_of(court.network, court.report(seated, 0))
    for changes, code in [
        ({"host": ANN.text, "sender": ANN.text}, "reports_not_seated"),
        ({"host": DAN.text, "sender": DAN.text}, "reports_not_seated"),
        ({"sender": DAN.text}, "unauthorized"),
        ({"commitment": b"short"}, "reports_malformed"),
        ({"epoch": 9}, "epoch_wrong"),
    ]:
        refuse(court.network, changed(message, **changes), code)
    court.network.send(changed(message, sender=serving_key_of(seated).text))
    refuse(court.network, message, "reports_twice")
    court.network.play(Phase.DISPUTE_REVEAL)
    refuse(court.network, message, "reports_window_closed")


def test_reveal_reports__anything_but_what_was_committed__is_refused() -> None:
    court = Court()
    court.network.play(Phase.SERVE)
    for _ in range(2):
        court.settle(court.market.escrow())
    court.network.play(Phase.REVEAL)
    seated = next(p for p in HOSTS if all(p.text in [s.verifier for s in lot.seats] for lot in court.lots()))
    message = court.report(seated, 5)
    refuse(court.network, message, "reports_window_closed")
    court.network.send(commitment_of(court.network, message))
    court.network.play(Phase.DISPUTE_REVEAL)
    other, fewer, worse, far = (MsgRevealReports.FromString(message.SerializeToString()) for _ in range(4))
    other.reports[0].distance_ppm = 6
    del fewer.reports[0]
    worse.salt = b"short"
    far.reports[0].distance_ppm = WORST_PPM + 1
    for wrong, code in [
        (other, "reports_mismatch"),
        (fewer, "reports_not_seated"),
        (worse, "reports_malformed"),
        (far, "reports_malformed"),
        (changed(message, host=ANN.text, sender=ANN.text), "commitment_missing"),
        (changed(message, sender=DAN.text), "unauthorized"),
    ]:
        refuse(court.network, wrong, code)
    court.network.send(message)
    refuse(court.network, message, "reports_twice")

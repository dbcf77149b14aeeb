import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from chain.modules.authz import queries
from chain.modules.handler import pack_any
from rules.errors import RuleError
from tests.chain.api.node import snapshot_of
from tests.chain.ledger import ANN, BOB, DAN, TIME_MS, Ledger, Person

from cosmos.authz.v1beta1 import query_pb2 as pb
from cosmos.authz.v1beta1.authz_pb2 import GenericAuthorization, Grant
from cosmos.authz.v1beta1.tx_pb2 import MsgGrant

VOTE, STAKE = "/cosmos.gov.v1.MsgVote", "/gonka.stake.v1.MsgStake"


def grant(ledger: Ledger, granter: Person, grantee: Person, url: str, seconds: int = 0) -> None:
    made = Grant(authorization=pack_any(GenericAuthorization(msg=url)))
    if seconds:
        made.expiration.CopyFrom(Timestamp(seconds=TIME_MS // 1000 + seconds))
    message = MsgGrant(granter=granter.text, grantee=grantee.text, grant=made)
    assert ledger.send(message, by=granter).code == 0


@pytest.fixture
def ledger() -> Ledger:
    """Ann lets Dan vote and, for a second, stake; Bob lets Dan vote."""
    ledger = Ledger()
    ledger.block()
    grant(ledger, ANN, DAN, VOTE)
    grant(ledger, ANN, DAN, STAKE, seconds=1)
    grant(ledger, BOB, DAN, VOTE)
    return ledger


def between(ledger: Ledger, url: str = "") -> int:
    request = pb.QueryGrantsRequest(granter=ANN.text, grantee=DAN.text, msg_type_url=url)
    return len(queries.list_between(snapshot_of(ledger), request).grants)


def test_grants_are_found_by_either_side(ledger: Ledger) -> None:
    assert (between(ledger), between(ledger, VOTE)) == (2, 1)
    by = queries.list_by_granter(snapshot_of(ledger), pb.QueryGranterGrantsRequest(granter=ANN.text)).grants
    assert {(found.granter, found.grantee) for found in by} == {(ANN.text, DAN.text)}
    assert len(by) == 2
    to = queries.list_by_grantee(snapshot_of(ledger), pb.QueryGranteeGrantsRequest(grantee=DAN.text)).grants
    assert sorted(found.granter for found in to) == sorted([ANN.text, ANN.text, BOB.text])


def test_an_expired_grant_is_shown_nowhere(ledger: Ledger) -> None:
    ledger.run_to(11)
    assert between(ledger) == 1
    with pytest.raises(RuleError, match="grant_missing"):
        between(ledger, STAKE)
    to = queries.list_by_grantee(snapshot_of(ledger), pb.QueryGranteeGrantsRequest(grantee=DAN.text)).grants
    assert len(to) == 2


def test_list_between__a_message_that_is_not_granted__is_refused(ledger: Ledger) -> None:
    with pytest.raises(RuleError) as caught:
        between(ledger, "/cosmos.bank.v1beta1.MsgSend")
    assert caught.value.code == "grant_missing"

"""What pairs of the state say, read from their bytes alone."""

import pytest

from chain.modules.bank.state import balance_key
from chain.modules.gov.state import ballot_key, proposal_key, vote_key
from chain.modules.stake.state import TABLE_EPOCH_KEY, table_key
from chain.statements import describe_pair
from tests.chain.ledger import ANN, BALANCE, Ledger
from wire.gonka.stake.v1.stake_pb2 import TableEntry

from cosmos.gov.v1.gov_pb2 import PROPOSAL_STATUS_PASSED, Proposal, TallyResult, Vote, WeightedVoteOption

VOTE = Vote(proposal_id=7, voter=ANN.text, options=[WeightedVoteOption(option=1, weight="1.000000000000000000")])
PASSED = Proposal(id=7, title="words", status=PROPOSAL_STATUS_PASSED, final_tally_result=TallyResult(yes_count="9"))


@pytest.mark.parametrize(
    ("key", "value", "statement"),
    [
        (balance_key(ANN.address), b"\x01\x00", {"kind": "balance", "account": ANN.text, "ngonka": 256}),
        (balance_key(ANN.address), b"", {"kind": "balance", "account": ANN.text, "ngonka": 0}),
        (TABLE_EPOCH_KEY, (5).to_bytes(8, "big"), {"kind": "table in force", "epoch": 5}),
        (
            table_key(3, ANN.address),
            TableEntry(units=50, effective_units=10).SerializeToString(),
            {"kind": "weight", "host": ANN.text, "table_epoch": 3, "units": 50, "effective_units": 10},
        ),
        (
            table_key(3, ANN.address),
            b"",
            {"kind": "weight", "host": ANN.text, "table_epoch": 3, "units": 0, "effective_units": 0},
        ),
        (
            proposal_key(7),
            PASSED.SerializeToString(),
            {
                "kind": "proposal",
                "proposal": 7,
                "title": "words",
                "status": "passed",
                "tally_units": {"yes": 9, "abstain": 0, "no": 0, "no_with_veto": 0},
            },
        ),
        (proposal_key(7), b"", {"kind": "proposal", "proposal": 7, "status": "unknown"}),
        (
            vote_key(7, ANN.address),
            VOTE.SerializeToString(),
            {"kind": "vote", "proposal": 7, "voter": ANN.text, "options": {"yes": "1.000000000000000000"}},
        ),
        (
            ballot_key(7, ANN.address),
            (40).to_bytes(8, "big"),
            {"kind": "ballot", "proposal": 7, "voter": ANN.text, "counted_units": 40},
        ),
        (
            ballot_key(7, ANN.address),
            b"",
            {"kind": "ballot", "proposal": 7, "voter": ANN.text, "counted_units": None},
        ),
        (b"other", b"\x01", {"kind": "pair", "key": "6f74686572", "value": "01"}),
        (balance_key(b"short"), b"\x01", {"kind": "pair", "key": balance_key(b"short").hex(), "value": "01"}),
        (table_key(3, ANN.address), b"\xff", {"kind": "pair", "key": table_key(3, ANN.address).hex(), "value": "ff"}),
    ],
)
def test_describe_pair__a_key_and_its_value__is_what_they_say(key: bytes, value: bytes, statement: object) -> None:
    assert describe_pair(key, value) == statement


def test_describe_pair__what_the_chain_wrote__is_what_it_holds() -> None:
    ledger = Ledger()
    ledger.block()
    view = ledger.store.latest
    balance = describe_pair(balance_key(ANN.address), view.get(balance_key(ANN.address)) or b"")
    assert balance["ngonka"] == BALANCE
    weight = describe_pair(table_key(0, ANN.address), view.get(table_key(0, ANN.address)) or b"")
    assert weight["units"] == weight["effective_units"] > 0

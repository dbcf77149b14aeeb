"""The answer of a node, read in full or refused."""

import pytest

from chain_client.effects import Leaf
from chain_client.errors import PermanentError
from chain_client.view import Clock, Done, decode_view
from rules.addresses import encode_address
from rules.presets import LOCAL
from rules.types import Claim, Phase
from tests.chain_client.views import BOB, ME
from wire.codec import encode_params
from wire.gonka.beacon.v1.beacon_pb2 import Commitment
from wire.gonka.sprint.v1 import sprint_pb2
from wire.gonka.sprint.v1.query_pb2 import EpochStatus, QueryViewResponse
from wire.gonka.stake.v1.stake_pb2 import Host, TableEntry

PARAMS = encode_params(LOCAL)
ADDRESS = encode_address(ME)


def make_answer() -> QueryViewResponse:
    return QueryViewResponse(
        chain_id="net-1",
        status=EpochStatus(
            epoch=3,
            height=50,
            first_height=40,
            phase="PHASE_CLAIM",
            phase_first_height=45,
            phase_last_height=55,
            last_height=99,
            sprint_seed=b"s" * 32,
            sprint_params=PARAMS.sprint,
            beacon_params=PARAMS.beacon,
            stake_params=PARAMS.stake,
            block_ms=500,
            round_late_blocks=6,
        ),
        host=Host(address=ADDRESS, registered_epoch=1, stake_ngonka=7, down=True),
        balance_ngonka=9,
        table=[TableEntry(host=ADDRESS, units=20, effective_units=10)],
        claims=[sprint_pb2.Claim(host=ADDRESS, count=60, root=b"r" * 32, updates=2)],
        commitment=Commitment(host=ADDRESS, sprint_commitment=b"c", sprint_secret=b"x"),
        rows=sprint_pb2.RowSet(verifier=ADDRESS, commitment=b"c"),
        disputes=[sprint_pb2.Dispute(claimant=encode_address(BOB), nonce=2**64 - 1, tag=b"t" * 8)],
    )


def test_decode_view__everything_there__is_read() -> None:
    view = decode_view(make_answer(), ME)
    assert view.clock == Clock(
        height=50, epoch=3, phase=Phase.CLAIM, phase_first=45, phase_last=55, epoch_last=99, block_ms=500, late_blocks=6
    )
    assert view.clock.blocks_left == 5
    assert (view.rules.sprint, view.rules.beacon, view.rules.stake) == (LOCAL.sprint, LOCAL.beacon, LOCAL.stake)
    assert view.my_claim is not None
    assert (view.my_claim.claim, view.my_claim.updates) == (Claim(host=ME, count=60, root=b"r" * 32), 2)
    assert view.done == Done(seeds=True, sprint_seed=True, rows=True)
    assert view.disputes == (Leaf(claimant=BOB, nonce=2**64 - 1, tag=b"t" * 8),)
    assert (view.table, view.balance_ngonka, view.sample_seed) == ({ME: 10}, 9, b"")
    assert view.registration is not None
    assert (view.registration.down, view.registration.stake_ngonka) == (True, 7)
    assert view.work.profile == "dev"


def test_decode_view__an_account_that_is_no_host__has_no_registration() -> None:
    answer = make_answer()
    answer.ClearField("host")
    assert decode_view(answer, ME).registration is None


def break_phase(answer: QueryViewResponse) -> None:
    answer.status.phase = sprint_pb2.PHASE_UNSPECIFIED


def break_claim(answer: QueryViewResponse) -> None:
    answer.claims[0].host = "gonka1nobody"


def break_table(answer: QueryViewResponse) -> None:
    answer.table[0].host = ""


def break_tag(answer: QueryViewResponse) -> None:
    answer.disputes[0].tag = b"short"


@pytest.mark.parametrize("change", [break_phase, break_claim, break_table, break_tag])
def test_decode_view__one_part_that_cannot_be__is_refused(change) -> None:
    answer = make_answer()
    change(answer)
    with pytest.raises(PermanentError) as refused:
        decode_view(answer, ME)
    assert refused.value.code == "chain_answer_invalid"


def test_decode_view__an_empty_answer__is_refused() -> None:
    with pytest.raises(PermanentError, match="chain_answer_invalid"):
        decode_view(QueryViewResponse(), ME)

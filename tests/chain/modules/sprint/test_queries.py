"""What a host decides by, as it changes over an epoch."""

import pytest

from chain.modules.query import Snapshot
from chain.modules.sprint import queries
from rules.errors import RuleError
from rules.presets import MINIMAL
from rules.types import Phase
from tests.chain.api.node import snapshot_of
from tests.chain.ledger import ANN, BALANCE, BOB, CHAIN_ID, DAN, STRANGER, Ledger
from tests.chain.network import STAKE, Network
from wire.gonka.sprint.v1 import query_pb2 as pb
from wire.gonka.sprint.v1 import sprint_pb2

GENESIS_BLOCKS = MINIMAL.sprint.genesis_blocks


def pinned(network: Network) -> Snapshot:
    return Snapshot(store=network.store, records=network.store, height=network.height, time_ns=0, chain_id=CHAIN_ID)


def view(network: Network, address: str) -> pb.QueryViewResponse:
    return queries.get_view(pinned(network), pb.QueryViewRequest(host=address))


def epoch_at(ledger: Ledger) -> pb.EpochStatus:
    return queries.get_epoch(snapshot_of(ledger), pb.QueryEpochRequest()).status


def test_get_epoch__is_the_place_of_the_next_block() -> None:
    ledger = Ledger()
    ledger.run_to(GENESIS_BLOCKS - 1)
    status = epoch_at(ledger)
    assert (status.epoch, status.height, status.phase) == (0, GENESIS_BLOCKS - 1, sprint_pb2.PHASE_GENESIS)
    assert status.phase_last_height == status.last_height == GENESIS_BLOCKS
    assert status.block_ms == MINIMAL.auth.block_ms


def test_get_epoch__after_an_epoch_s_last_block__is_the_first_of_the_next_epoch() -> None:
    ledger = Ledger()
    ledger.run_to(GENESIS_BLOCKS)
    status = epoch_at(ledger)
    assert (status.epoch, status.height, status.phase) == (1, GENESIS_BLOCKS, sprint_pb2.PHASE_SEED)
    assert status.first_height == status.phase_first_height == GENESIS_BLOCKS + 1
    promised = status
    ledger.block()
    now = epoch_at(ledger)
    assert (now.epoch, now.first_height, now.last_height) == (1, promised.first_height, promised.last_height)
    assert now.sprint_params == promised.sprint_params


def test_get_view__over_an_epoch__shows_what_the_host_has_done() -> None:
    network = Network()
    network.play(Phase.SPRINT)
    started = view(network, ANN.text)
    assert (started.chain_id, started.host.address) == (CHAIN_ID, ANN.text)
    assert started.balance_ngonka == BALANCE - STAKE
    assert len(started.status.sprint_seed) == 32
    assert started.HasField("commitment")
    assert not started.HasField("commitment_next")
    assert {entry.host for entry in started.table} >= {ANN.text, BOB.text}
    assert list(started.claims) == []

    network.play(Phase.REVEAL)
    claimed = view(network, ANN.text)
    assert len(claimed.claims) == 3
    assert len(claimed.status.sample_seed) == 32
    assert not any(claim.revealed for claim in claimed.claims)

    network.play(Phase.ROWS_REVEAL)
    reported = view(network, ANN.text)
    assert all(claim.revealed for claim in reported.claims)
    assert (reported.rows.verifier, reported.rows.revealed) == (ANN.text, False)

    network.play(Phase.SERVE)
    network.act()
    assert view(network, ANN.text).HasField("commitment_next")


def test_get_view__an_account_that_is_no_host__has_a_balance_and_no_host() -> None:
    answer = view(Network(), DAN.text)
    assert answer.balance_ngonka == BALANCE
    assert not answer.HasField("host")
    assert view(Network(), STRANGER.text).balance_ngonka == 0


@pytest.mark.parametrize("address", ["", "gonka1x", "cosmos1x"])
def test_get_view__no_address__is_refused(address: str) -> None:
    with pytest.raises(RuleError) as caught:
        view(Network(), address)
    assert caught.value.code == "address_invalid"


def test_get_reveal__once_revealed__has_a_tag_for_each_nonce_and_position() -> None:
    network = Network()
    network.play(Phase.REVEAL)
    request = pb.QueryRevealRequest(epoch=1, host=ANN.text)
    with pytest.raises(RuleError, match="not_found"):
        queries.get_reveal(pinned(network), request)
    network.act()
    reveal = queries.get_reveal(pinned(network), request)
    assert len(reveal.nonces) == len(reveal.positions) == len(reveal.tags) // 8 == MINIMAL.sprint.samples
    assert len(queries.list_claims(pinned(network), pb.QueryClaimsRequest(epoch=1)).claims) == 3


def test_get_summary__before_its_settle__is_not_found_and_then_names_every_host() -> None:
    network = Network()
    with pytest.raises(RuleError, match="not_found"):
        queries.get_summary(pinned(network), pb.QuerySummaryRequest(epoch=1))
    network.play(Phase.SERVE)
    summary = queries.get_summary(pinned(network), pb.QuerySummaryRequest(epoch=1)).summary
    assert (summary.epoch, len(summary.outcomes)) == (1, 3)


def test_get_params__are_the_live_ones() -> None:
    params = queries.get_params(pinned(Network()), pb.QueryParamsRequest()).params
    assert (params.samples, params.profile) == (MINIMAL.sprint.samples, MINIMAL.sprint.profile)

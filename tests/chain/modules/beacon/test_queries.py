from chain.modules.beacon import queries
from chain.modules.query import Snapshot
from rules.presets import MINIMAL
from rules.types import Phase
from tests.chain.ledger import ANN, CHAIN_ID, DAN
from tests.chain.modules.beacon.threshold.validators import Validators, set_key
from tests.chain.network import Network
from wire.gonka.beacon.v1.query_pb2 import (
    QueryBeaconKeyRequest,
    QueryGroupRequest,
    QueryParamsRequest,
    QuerySeedsRequest,
)


def snapshot_of(network: Network) -> Snapshot:
    return Snapshot(store=network.store, records=network.store, height=network.height, time_ns=0, chain_id=CHAIN_ID)


def test_get_seeds__are_empty_until_their_round_is_over() -> None:
    network = Network()
    network.play(Phase.SPRINT)
    sprint = queries.get_seeds(snapshot_of(network), QuerySeedsRequest(epoch=1))
    assert (len(sprint.sprint_seed), sprint.sample_seed, len(sprint.commitments)) == (32, b"", 3)
    network.play(Phase.REVEAL)
    reveal = queries.get_seeds(snapshot_of(network), QuerySeedsRequest(epoch=1))
    assert (reveal.sprint_seed, len(reveal.sample_seed)) == (sprint.sprint_seed, 32)
    unknown = queries.get_seeds(snapshot_of(network), QuerySeedsRequest(epoch=99))
    assert (unknown.sprint_seed, list(unknown.commitments)) == (b"", [])


def test_get_params__are_the_live_ones() -> None:
    params = queries.get_params(snapshot_of(Network()), QueryParamsRequest()).params
    assert params.max_committers == MINIMAL.beacon.max_committers


def test_show_group__grows_as_its_key_is_dealt() -> None:
    network = Validators()
    assert not queries.show_group(snapshot_of(network), QueryGroupRequest(epoch=1)).HasField("group")
    network.goto_height(2)
    dealt = queries.show_group(snapshot_of(network), QueryGroupRequest(epoch=1))
    assert (len(dealt.group.members), len(dealt.deals), dealt.group.public_key) == (3, 3, b"")
    network.goto_height(4)
    known = queries.show_group(snapshot_of(network), QueryGroupRequest(epoch=1))
    assert (len(known.group.slot_keys), list(known.group.dealers)) == (128 * 96, [d.dealer for d in dealt.deals])


def test_show_beacon_key__of_a_host_and_of_none() -> None:
    network = Validators()
    for person, key in ((ANN, set_key(ANN).beacon_key), (DAN, b"")):
        found = queries.show_beacon_key(snapshot_of(network), QueryBeaconKeyRequest(host=person.text))
        assert found.beacon_key == key

"""What is found by one key is found by the others, and nothing is found in a neighbour's place."""

import pytest

from chain.modules.inference import state
from chain.store.overlay import Overlay
from chain.store.store import Store
from rules.addresses import encode_address
from rules.types import Host
from wire.gonka.inference.v1.inference_pb2 import Escrow, Offer, Reserve, Settled

HOSTS = [Host(bytes([number]) * 20) for number in (1, 2, 255)]
MODELS = [bytes([number]) * 32 for number in (1, 2)]
KEYS = [b"\x02" + bytes([number]) * 32 for number in (1, 2)]


@pytest.fixture
def store() -> Overlay:
    return Overlay(Store.in_memory().latest)


def test_set_offer__in_place_of_another__is_found_by_its_own_models_and_key_only(store: Overlay) -> None:
    text = encode_address(HOSTS[0])
    state.set_offer(store, HOSTS[0], Offer(host=text, model_ids=MODELS, serving_pubkey=KEYS[0]))
    state.set_offer(store, HOSTS[0], Offer(host=text, model_ids=MODELS[1:], serving_pubkey=KEYS[1]))
    assert [list(state.scan_offering(store, model)) for model in MODELS] == [[], [HOSTS[0]]]
    assert [state.get_serving_host(store, key) for key in KEYS] == [None, HOSTS[0]]
    state.delete_offer(store, HOSTS[0])
    assert not list(store.scan(b"inference/"))


def test_scan_settled__neighbouring_numbers_and_hosts__are_kept_apart(store: Overlay) -> None:
    for epoch, escrow_id, host, serial in [
        (1, 1, HOSTS[0], 1),
        (1, 1, HOSTS[0], 2**64 - 1),
        (1, 1, HOSTS[2], 1),
        (1, 256, HOSTS[0], 1),
        (256, 1, HOSTS[0], 1),
    ]:
        entry = Settled(epoch=epoch, escrow_id=escrow_id, host=encode_address(host), serial=serial)
        state.set_settled(store, entry)
    assert state.count_settled(store, 1, 1, HOSTS[0]) == 2
    assert state.count_settled(store, 1, 1, HOSTS[1]) == 0
    assert [entry.serial for entry in state.scan_settled(store, 1)] == [1, 2**64 - 1, 1, 1]
    assert [entry.escrow_id for entry in state.scan_settled(store, 256)] == [1]
    state.delete_settled_before(store, 256)
    assert not list(state.scan_settled(store, 1))
    assert len(list(state.scan_settled(store, 256))) == 1


def test_delete_escrow__leaves_its_neighbours(store: Overlay) -> None:
    developer = Host(b"d" * 20)
    escrows = [
        Escrow(
            escrow_id=state.take_next_escrow_id(store),
            developer=encode_address(developer),
            reserves=[Reserve(host=encode_address(host)) for host in HOSTS[:number]],
        )
        for number in (1, 2, 3)
    ]
    for escrow in escrows:
        state.add_escrow(store, escrow)
    state.close_escrow(store, escrows[1])
    assert [escrow.escrow_id for escrow in state.scan_escrows(store, developer=developer)] == [1, 2, 3]
    assert [escrow.escrow_id for escrow in state.scan_escrows(store, host=HOSTS[1])] == [3]
    state.delete_escrow(store, escrows[1])
    assert [escrow.escrow_id for escrow in state.scan_escrows(store)] == [1, 3]
    assert [escrow.escrow_id for escrow in state.scan_escrows(store, developer=developer)] == [1, 3]
    assert [escrow.escrow_id for escrow in state.scan_escrows(store, host=HOSTS[1])] == [3]
    assert state.get_escrow(store, 2) is None
    assert state.take_next_escrow_id(store) == 4


def test_get_model__a_key_that_no_database_holds__is_none_on_disk_too(tmp_path_factory: pytest.TempPathFactory) -> None:
    on_disk = Store.open(tmp_path_factory.mktemp("state"))
    for model_id in (b"", bytes(32), bytes(100_000)):
        assert state.get_model(on_disk.latest, model_id) is None
    on_disk.close()

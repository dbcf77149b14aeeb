from chain.modules.beacon import state as beacon
from chain.modules.sprint import state
from chain.modules.sprint.summary import KEPT_EPOCHS
from chain.modules.stake import state as stake
from rules.types import Phase, Round
from tests.chain.network import Network
from tests.chain.test_sprint import networked


def count_keys(network: Network) -> int:
    return sum(1 for _ in network.store.scan(b""))


def test_process_pruning__the_work_of_the_epoch_before__goes_at_settle() -> None:
    network = networked()
    network.play(Phase.SERVE)
    assert len(list(state.scan_reveals(network.store, 1))) == 3
    network.play(Phase.SERVE)
    assert not list(state.scan_reveals(network.store, 1))
    assert not list(state.scan_claims(network.store, 1))
    assert not list(beacon.scan_commitments(network.store, 1))
    assert len(list(state.scan_claims(network.store, 2))) == 3


def test_process_pruning__the_state_stops_growing_after_the_epochs_that_are_kept() -> None:
    network = Network(stakes=0)
    sizes = []
    for epoch in range(1, KEPT_EPOCHS + 6):
        network.goto(Phase.SERVE)
        sizes.append(count_keys(network))
        assert state.get_summary(network.store, epoch) is not None
    assert sizes[0] < sizes[KEPT_EPOCHS - 1]
    assert len(set(sizes[KEPT_EPOCHS:])) == 1
    assert state.get_summary(network.store, 5) is None
    assert beacon.get_seed(network.store, 5, Round.SPRINT) == b""
    assert stake.get_table(network.store, 5) == {}
    assert state.get_summary(network.store, 6) is not None
    assert len(stake.get_table(network.store, 6)) == 3

"""What a chain keeps does not grow with its age."""

from pathlib import Path

import pytest

from chain.modules.bank.coins import make_coin
from chain.modules.sprint.summary import KEPT_EPOCHS
from chain.process import DATA_FILE, open_node
from chain.store.store import Store
from rules.types import Phase
from tests.chain.ledger import ANN, BOB, CAT, TIME_MS, Ledger, make_genesis
from tests.chain.network import Network, Player

from cosmos.bank.v1beta1.tx_pb2 import MsgSend

EPOCHS = 1000
BLOCKS = 23_000
"""A thousand epochs of MINIMAL."""
KEEP_BLOCKS = 500


def test_a_thousand_epochs_with_every_duty_done_leave_a_state_that_stopped_growing_long_before() -> None:
    network = Network(players=[Player(person, count=8) for person in (ANN, BOB, CAT)])
    sizes: dict[int, tuple[int, int]] = {}
    for _ in range(EPOCHS):
        network.play(Phase.SEED)
        network.events.clear()
        pairs = list(network.store.scan(b""))
        sizes[network.epoch] = len(pairs), sum(len(key) + len(value) for key, value in pairs)
    settled = [size for epoch, size in sizes.items() if epoch > KEPT_EPOCHS + 2]
    assert len(settled) > EPOCHS // 2
    for counted in (0, 1):  # pairs, bytes
        assert max(size[counted] for size in settled) < 1.05 * min(size[counted] for size in settled)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_thousand_epochs_of_blocks_leave_a_file_that_stopped_growing_long_before(tmp_path: Path) -> None:
    genesis = make_genesis()
    sizes = []
    with open_node(Store.open(tmp_path / DATA_FILE), genesis, keep_blocks=KEEP_BLOCKS) as node:
        ledger = Ledger(store=node.store, genesis=genesis)
        node.engine.make_block(TIME_MS * 10**6)
        for height in range(2, BLOCKS + 1):
            message = MsgSend(from_address=ANN.text, to_address=BOB.text, amount=[make_coin(1)])
            node.engine.submit(ledger.tx(message, by=(ANN,)))
            logged = node.engine.make_block(TIME_MS * 10**6 + height * 10**8)
            assert [result.code for result in logged.result.tx_results] == [0]
            if height % 1000 == 0:
                sizes.append((tmp_path / DATA_FILE / "data.mdb").stat().st_size)
    assert sizes[-1] <= 1.1 * sizes[len(sizes) // 4]

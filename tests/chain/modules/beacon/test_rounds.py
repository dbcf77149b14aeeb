from hashlib import sha256

from chain.modules.bank.state import get_supply
from chain.modules.beacon import state
from rules.beacon import combine_reveals
from rules.presets import MINIMAL
from rules.seeds import compute_seed
from rules.types import Host, Phase, Round
from tests.chain.ledger import ANN, BOB, CAT, CHAIN_ID
from tests.chain.network import STAKE, Network, Player, commit_seeds, reveal_seed
from wire.gonka.stake.v1.tx_pb2 import MsgUnstake

BOND = MINIMAL.beacon.seed_bond_ngonka


def send_all(network: Network, *players: Player) -> None:
    for player in players:
        message = reveal_seed(network, player)
        assert message is not None
        network.send(message)


def committed() -> Network:
    network = Network()
    for player in network.players:
        message = commit_seeds(network, player)
        assert message is not None
        network.send(message)
    network.goto(Phase.SEED)
    return network


def test_close_round__the_seed__binds_the_block_before_the_round_and_the_secrets() -> None:
    network = committed()
    opened_on = network.last_hash
    send_all(network, *network.players)
    network.goto(Phase.SPRINT)
    secrets = {player.host: player.secret(1, Round.SPRINT) for player in network.players}
    expected = compute_seed(
        chain_id=CHAIN_ID, epoch=1, round=Round.SPRINT, block_hash=opened_on, beacon_output=combine_reveals(secrets)
    )
    assert state.get_seed(network.store, 1, Round.SPRINT) == expected
    assert state.get_seed(network.store, 1, Round.SAMPLE) == b""


def test_close_round__nobody_committed__the_seed_is_still_the_blocks() -> None:
    network = Network()
    network.goto(Phase.SEED)
    opened_on = network.last_hash
    network.goto(Phase.SPRINT)
    expected = compute_seed(chain_id=CHAIN_ID, epoch=1, round=Round.SPRINT, block_hash=opened_on, beacon_output=b"")
    assert state.get_seed(network.store, 1, Round.SPRINT) == expected
    assert opened_on != sha256(bytes(32)).digest()


def test_close_round__a_secret_not_revealed__burns_the_bond_once() -> None:
    network = committed()
    supply = get_supply(network.store)
    send_all(network, network.players[0], network.players[2])
    network.goto(Phase.SPRINT)
    assert network.record(BOB).stake_ngonka == STAKE - BOND
    assert get_supply(network.store) == supply - BOND
    network.goto(Phase.BEACON2)
    send_all(network, network.players[0])
    network.goto(Phase.REVEAL)
    assert network.record(BOB).stake_ngonka == STAKE - BOND
    assert network.record(CAT).stake_ngonka == STAKE - BOND
    assert network.record(ANN).stake_ngonka == STAKE
    assert [event["amount_ngonka"] for event in network.named("seed_bond_burned")] == [str(BOND), str(BOND)]
    network.goto(Phase.SERVE)
    assert network.outcome(1, BOB).slashed_ngonka == BOND
    assert list(network.outcome(1, BOB).missed) == [
        "secret for the Sprint's seed not revealed",
        "secret for the sample's seed not revealed",
    ]


def test_close_round__a_secret_not_revealed__costs_no_weight() -> None:
    network = Network()
    network.act()
    network.goto(Phase.SPRINT)
    network.play(Phase.SERVE)
    assert network.outcome(1, BOB).units > 0


def test_close_round__stake_on_its_way_out__still_answers_for_the_bond() -> None:
    network = committed()
    network.send(MsgUnstake(host=ANN.text, amount_ngonka=STAKE))
    network.goto(Phase.SPRINT)
    assert network.record(ANN).slashed_ngonka == BOND


def test_release_bonds__after_the_last_round__no_bond_is_left() -> None:
    network = committed()
    send_all(network, *network.players)
    network.goto(Phase.BEACON2)
    assert network.record(ANN).seed_bond_ngonka == BOND
    send_all(network, *network.players)
    network.goto(Phase.REVEAL)
    assert network.record(ANN).seed_bond_ngonka == 0
    assert network.record(ANN).stake_ngonka == STAKE
    assert state.get_commitment(network.store, 1, Host(ANN.address)) is not None

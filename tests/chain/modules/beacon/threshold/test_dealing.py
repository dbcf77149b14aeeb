from collections.abc import Callable

import pytest

from chain.modules.beacon import state
from chain.modules.stake import state as stake
from rules.beacon import combine_reveals
from rules.seeds import compute_seed
from rules.types import Host, Phase, Round
from tests.chain.ledger import ANN, BOB, CAT, CHAIN_ID
from tests.chain.modules.beacon.threshold.validators import Validators, consensus_key_of, set_key
from tests.chain.network import Network, Player, commit_seeds, reveal_seed
from wire.gonka.stake.v1.tx_pb2 import MsgLeave


def test_begin_dealing__validators_with_keys__form_a_group_with_slots_by_weight() -> None:
    network = Validators()
    network.goto_height(2)
    group = network.group()
    assert group is not None
    assert [member.host for member in group.members] == [
        p.text for p in sorted((ANN, BOB, CAT), key=lambda p: p.address)
    ]
    assert [(member.first_slot, member.slots) for member in group.members] == [(1, 43), (44, 43), (87, 42)]
    for person in (ANN, BOB, CAT):
        member = next(member for member in group.members if member.host == person.text)
        assert member.consensus_pubkey == consensus_key_of(person)
        assert member.beacon_key == set_key(person).beacon_key
    assert group.public_key == b""


def test_begin_dealing__commit_reveal__forms_none() -> None:
    network = Network()
    network.play(Phase.SPRINT)
    assert network.named("group_formed") == []


def without_keys(network: Validators) -> None:
    for person in (BOB, CAT):
        network.store.delete(b"beacon/key/" + person.address)


def without_power(network: Validators) -> None:
    for person in (BOB, CAT):
        stake.set_validator(network.store, consensus_key_of(person), 0)


@pytest.mark.parametrize("change", [without_keys, without_power])
def test_begin_dealing__one_validator_with_a_key__leaves_it_to_commit_reveal(
    change: Callable[[Validators], None],
) -> None:
    network = Validators()
    change(network)
    network.goto_height(2)
    assert network.group() is None
    for person in (ANN, BOB, CAT):
        message = commit_seeds(network, Player(person))
        assert message is not None
        network.send(message)
    network.goto(Phase.SEED)
    opened_on, first = network.last_hash, network.place
    assert first.phase_last - first.phase_first + 1 == network.threshold.beacon.reveal_blocks
    network.step()
    secrets = {}
    for person in (ANN, BOB, CAT):
        message = reveal_seed(network, Player(person))
        assert message is not None
        network.send(message)
        secrets[Host(person.address)] = message.secret
    network.goto(Phase.SPRINT)
    assert state.get_seed(network.store, 1, Round.SPRINT) == compute_seed(
        chain_id=CHAIN_ID,
        epoch=1,
        round=Round.SPRINT,
        block_hash=opened_on,
        beacon_output=combine_reveals(secrets),
    )


def test_end_dealing__dealers_with_most_slots__make_the_key() -> None:
    network = Validators(idle={CAT})
    network.goto_height(4)
    group = network.group()
    assert group is not None
    assert set(group.dealers) == {ANN.text, BOB.text}
    assert network.named("key_dealt")[0]["dealers"] == "2"
    network.play(Phase.SPRINT)  # Cat, who dealt nothing, holds shares all the same
    network.silent = {ANN}
    network.play(Phase.REVEAL)
    assert [event["round"] for event in network.named("round_signed")] == ["sprint", "sample"]


def test_end_dealing__too_few_dealers__fails_and_the_seed_is_the_blocks() -> None:
    network = Validators(idle={BOB, CAT})
    network.goto_height(4)
    member = next(m for m in network.group().members if m.host == ANN.text)  # type: ignore[union-attr]  # it exists
    assert network.named("dealing_failed") == [{"epoch": "1", "dealers": "1", "slots": str(member.slots)}]
    network.goto(Phase.SEED)
    opened_on = network.last_hash
    network.idle = set()
    network.goto(Phase.SPRINT)
    assert state.get_seed(network.store, 1, Round.SPRINT) == compute_seed(
        chain_id=CHAIN_ID, epoch=1, round=Round.SPRINT, block_hash=opened_on, beacon_output=b""
    )
    network.goto(Phase.SEED)
    assert [event["epoch"] for event in network.named("key_dealt")] == ["2"]


def test_end_dealing__a_refuted_deal__is_left_out_of_the_key() -> None:
    network = Validators(idle={CAT})
    network.goto_height(2)
    network.idle = set()
    bad = network.deal(CAT)
    bad.shares = bad.shares[::-1]
    network.send(bad)
    network.step()
    network.send(network.complaint(ANN, CAT))
    network.step()
    group = network.group()
    assert group is not None
    assert set(group.dealers) == {ANN.text, BOB.text}
    network.play(Phase.REVEAL)
    assert [event["round"] for event in network.named("round_signed")] == ["sprint", "sample"]


def test_end_dealing__a_wrong_share_that_nobody_showed__silences_only_who_holds_it() -> None:
    network = Validators(idle={CAT})
    network.goto_height(2)
    bad = network.deal(CAT)
    member = next(m for m in network.group().members if m.host == ANN.text)  # type: ignore[union-attr]  # it exists
    at = 32 * (member.first_slot - 1)
    bad.shares = bad.shares[:at] + bytes(32) + bad.shares[at + 32 :]
    network.send(bad)
    network.goto_height(4)
    assert network.signers[ANN.text].extend(network.ctx, bytes(32)) == b""
    assert network.signers[BOB.text].extend(network.ctx, bytes(32)) != b""
    network.goto(Phase.SPRINT)
    assert [event["round"] for event in network.named("round_signed")] == ["sprint"]


def test_a_host_that_leaves_is_in_no_later_group() -> None:
    network = Validators()
    network.goto(Phase.SEED)
    network.send(MsgLeave(host=CAT.text))
    network.players = [player for player in network.players if player.person != CAT]
    network.play(Phase.SERVE)
    group = network.group()
    assert group is not None
    assert {member.host for member in group.members} == {ANN.text, BOB.text}
    network.play(Phase.SPRINT)
    assert network.named("round_signed")[-1] == {"epoch": "2", "round": "sprint"}

import pytest
from py_arkworks_bls12381 import G1Point

from chain.modules.beacon import state
from rules.types import Host, Phase
from tests.chain.ledger import ANN, BOB, CAT, CHAIN_ID, DAN, STRANGER
from tests.chain.modules.beacon.threshold.validators import Validators, set_key
from tests.chain.network import Player, commit_seeds
from wire.gonka.beacon.v1.tx_pb2 import MsgDeal, MsgSetBeaconKey
from wire.gonka.stake.v1.tx_pb2 import MsgLeave, MsgRegisterHost
from wire.threshold.curve import multiply_g1
from wire.threshold.proofs import prove_key


@pytest.fixture
def dealing() -> Validators:
    """In the block for deals of epoch 0, with those of Ann and Bob taken."""
    network = Validators(idle={CAT})
    network.goto_height(2)
    return network


def test_set_beacon_key__a_hosts_own__is_kept() -> None:
    network = Validators()
    network.send(MsgRegisterHost(host=DAN.text))
    network.send(set_key(DAN))
    assert state.get_beacon_key(network.store, Host(DAN.address)) == set_key(DAN).beacon_key


def test_set_beacon_key__what_cannot_be__is_refused() -> None:
    network = Validators()
    stolen = set_key(ANN)
    stolen.host = BOB.text
    assert network.refuses(stolen) == "beacon_key_invalid"
    unproved = set_key(ANN)
    unproved.proof = b""
    assert network.refuses(unproved) == "beacon_key_invalid"
    assert network.refuses(set_key(STRANGER)) == "host_unknown"
    network.send(MsgLeave(host=CAT.text))
    assert network.refuses(set_key(CAT)) == "host_left"


def test_set_beacon_key__after_the_group_has_formed__is_for_the_next(dealing: Validators) -> None:
    before = dealing.group()
    secret = 12345
    key = multiply_g1(G1Point(), secret)
    proof = prove_key(CHAIN_ID, ANN.address, secret)
    dealing.send(MsgSetBeaconKey(host=ANN.text, beacon_key=key, proof=proof))
    assert dealing.group() == before
    assert state.get_beacon_key(dealing.store, Host(ANN.address)) == key


def test_deal__a_members__is_kept_until_its_epoch_is_over(dealing: Validators) -> None:
    assert [deal.dealer for deal in state.scan_deals(dealing.store, 1)] == sorted(
        (ANN.text, BOB.text), key=lambda text: next(p.address for p in (ANN, BOB) if p.text == text)
    )
    assert dealing.refuses(dealing.deal(CAT)) == ""


def changed(message: MsgDeal, **changes: object) -> MsgDeal:
    for name, value in changes.items():
        setattr(message, name, value)
    return message


def test_deal__what_cannot_be__is_refused(dealing: Validators) -> None:
    deal = dealing.deal
    assert dealing.refuses(deal(ANN)) == "deal_twice"
    assert dealing.refuses(changed(deal(CAT), epoch=2)) == "epoch_wrong"
    assert dealing.refuses(changed(deal(CAT), host=DAN.text)) == "deal_not_member"
    assert dealing.refuses(changed(deal(ANN), host=CAT.text)) == "deal_invalid"
    assert dealing.refuses(changed(deal(CAT), shares=b"")) == "deal_invalid"
    assert dealing.refuses(changed(deal(CAT), commitments=bytes(65 * 96))) == "deal_invalid"
    assert dealing.refuses(changed(deal(CAT), proof=deal(ANN).proof)) == "deal_invalid"


def test_deal__before_a_group_has_formed__is_refused(dealing: Validators) -> None:
    message = dealing.deal(CAT)
    assert Validators().refuses(message) == "deal_window_closed"


def test_deal__late__is_refused_and_left_out(dealing: Validators) -> None:
    message = dealing.deal(CAT)
    dealing.step()
    assert dealing.refuses(message) == "deal_window_closed"
    dealing.step()
    group = dealing.group()
    assert group is not None
    assert CAT.text not in group.dealers


def spoiled(network: Validators) -> None:
    """Cat deals shares that are all wrong."""
    message = network.deal(CAT)
    message.shares = message.shares[32:] + message.shares[:32]
    network.send(message)


def test_complain__a_wrong_share__takes_the_deal_out_once(dealing: Validators) -> None:
    spoiled(dealing)
    dealing.send(dealing.complaint(ANN, CAT))
    found = state.get_deal(dealing.store, 1, Host(CAT.address))
    assert found is not None
    assert found.accused_by == ANN.text
    assert dealing.refuses(dealing.complaint(BOB, CAT)) == "complaint_pointless"
    assert dealing.refuses(dealing.deal(CAT)) == "deal_twice"


def test_complain__what_cannot_be__is_refused(dealing: Validators) -> None:
    spoiled(dealing)
    assert dealing.refuses(dealing.complaint(ANN, BOB)) == "complaint_unfounded"
    forged = dealing.complaint(ANN, CAT)
    forged.shared_key = dealing.complaint(BOB, CAT).shared_key
    assert dealing.refuses(forged) == "complaint_invalid"
    anothers = dealing.complaint(ANN, CAT)
    anothers.host = BOB.text
    assert dealing.refuses(anothers) == "complaint_invalid"
    anothers.host = DAN.text
    assert dealing.refuses(anothers) == "deal_not_member"
    missing = dealing.complaint(ANN, CAT)
    missing.dealer = DAN.text
    assert dealing.refuses(missing) == "complaint_pointless"


def test_complain__late__is_refused(dealing: Validators) -> None:
    spoiled(dealing)
    message = dealing.complaint(ANN, CAT)
    dealing.step()
    assert dealing.refuses(message) == ""
    dealing.step()
    assert dealing.refuses(message) == "complaint_window_closed"


def test_commit_seeds__where_validators_deal__is_refused(dealing: Validators) -> None:
    message = commit_seeds(dealing, Player(ANN))
    assert message is not None
    assert dealing.refuses(message) == "commit_not_needed"
    assert Validators().refuses(message) == "commit_not_needed"


def test_deal__in_serve__is_for_the_epoch_after() -> None:
    network = Validators()
    network.play(Phase.SERVE)
    assert {deal.dealer for deal in state.scan_deals(network.store, 2)} == {ANN.text, BOB.text, CAT.text}
    assert network.refuses(network.deal(ANN)) == "deal_twice"

from tests.chain.ledger import ANN, BOB, CAT, CHAIN_ID
from tests.chain.modules.beacon.threshold.validators import Validators, secret_of
from wire.gonka.beacon.v1.beacon_pb2 import Deal, Group
from wire.threshold.groups import find_member, find_wrong_share, read_dealing


def make_deal(group: Group, network: Validators) -> Deal:
    message = network.deal(CAT)
    return Deal(
        dealer=CAT.text,
        commitments=message.commitments,
        proof=message.proof,
        ephemeral_key=message.ephemeral_key,
        shares=message.shares,
    )


def test_find_wrong_share__shows_the_wrong_one_to_its_holder_only() -> None:
    network = Validators(idle={CAT})
    network.goto_height(2)
    group = network.group()
    assert group is not None
    deal, dealing = make_deal(group, network), read_dealing(CHAIN_ID, group, CAT.text)
    members = {person: find_member(group, person.text) for person in (ANN, BOB)}
    ann = members[ANN]
    assert ann is not None
    at = 32 * (ann.first_slot - 1)
    for changed, wrong in ((deal.shares, set()), (deal.shares[:at] + bytes(32) + deal.shares[at + 32 :], {ANN})):
        deal.shares = changed
        for person, member in members.items():
            assert member is not None
            assert bool(find_wrong_share(dealing, deal, member, secret_of(person))) == (person in wrong)

from hashlib import sha256

import pytest

from chain.modules.beacon import state
from chain.modules.beacon.threshold.voting import Signer, combine_extensions, find_votable, find_wanted, take_signature
from chain.modules.query import Snapshot
from chain.modules.sprint.queries import get_epoch
from rules.errors import RuleError
from rules.seeds import compute_beacon_message, compute_seed
from rules.types import Phase, Round
from tests.chain.ledger import ANN, BOB, CAT, CHAIN_ID, STRANGER, Person
from tests.chain.modules.beacon.threshold.validators import Validators, secret_of, validator_of
from wire.gonka.sprint.v1.query_pb2 import QueryEpochRequest
from wire.threshold.curve import verify


def test_a_network_of_validators_makes_both_seeds_of_every_epoch_and_no_round_is_late() -> None:
    network = Validators()
    network.play(Phase.SEED, times=3)
    assert network.epoch == 3
    assert network.named("round_delayed") == []
    assert network.named("dealing_failed") == []
    assert [(e["epoch"], e["round"]) for e in network.named("round_signed")] == [
        ("1", "sprint"), ("1", "sample"), ("2", "sprint"), ("2", "sample"), ("3", "sprint"),
    ]  # fmt: skip
    assert [outcome.verdict for outcome in network.summary(2).outcomes] == [1, 1, 1]
    assert state.get_group(network.store, 1) is None
    assert list(state.scan_deals(network.store, 1)) == []


def test_the_seed_binds_the_block_before_the_round_and_the_groups_signature() -> None:
    network = Validators()
    network.play(Phase.SEED)
    opened_on = network.last_hash
    network.step()
    group = network.group(later=0)
    assert group is not None
    assert verify(
        group.public_key, compute_beacon_message(CHAIN_ID, 1, Round.SPRINT, opened_on), group.sprint_signature
    )
    assert state.get_seed(network.store, 1, Round.SPRINT) == compute_seed(
        chain_id=CHAIN_ID,
        epoch=1,
        round=Round.SPRINT,
        block_hash=opened_on,
        beacon_output=group.sprint_signature,
    )


def test_a_round_that_is_not_complete_delays_the_phase_and_the_chain_goes_on() -> None:
    network = Validators(silent={BOB, CAT})
    network.play(Phase.SEED)
    first = network.place
    for blocks in range(1, 13):
        network.step()
        assert network.place.phase is Phase.SEED
        assert network.named("round_delayed")[-1] == {"epoch": "1", "round": "sprint", "blocks": str(blocks)}
        assert late_blocks(network) == blocks
    network.silent = {CAT}
    network.step()  # the votes for this block are the first to be enough
    network.step()  # this block takes the signature
    assert network.place.phase is Phase.SEED
    network.step()
    assert network.place.phase is Phase.SPRINT
    assert late_blocks(network) == 0
    assert network.place.epoch_last == first.epoch_last + 14
    network.play(Phase.SEED)
    assert [e["epoch"] for e in network.named("epoch_settled")] == ["1"]


def late_blocks(network: Validators) -> int:
    """What the query says of the open round."""
    store, height = network.store, network.height - 1  # its block is open
    pinned = Snapshot(store=store, records=store, height=height, time_ns=0, chain_id=CHAIN_ID)
    return int(get_epoch(pinned, QueryEpochRequest()).status.round_late_blocks)


def test_rounds_that_take_reveals_for_want_of_a_key_are_not_late() -> None:
    network = Validators(idle={ANN, BOB, CAT})
    network.play(Phase.SEED)
    network.step()
    assert network.place.phase is Phase.SEED
    assert late_blocks(network) == 0
    network.play(Phase.REVEAL)
    assert network.named("round_delayed") == []


def test_whoever_signs_the_seed_is_the_same() -> None:
    seeds = []
    for silent in ({ANN}, {BOB}, {CAT}, set()):
        network = Validators(silent=silent)
        network.play(Phase.SPRINT)
        seeds.append(state.get_seed(network.store, 1, Round.SPRINT))
    assert len(set(seeds)) == 1


@pytest.fixture
def voting() -> Validators:
    """In the block before SEED of epoch 1, whose votes sign for the round."""
    network = Validators()
    network.goto_height(4)
    return network


def own(network: Validators, person: Person) -> bytes:
    return network.votes[validator_of(person)]


def test_is_extension_good__a_vote_before_the_round__carries_one_partial_for_each_slot(voting: Validators) -> None:
    assert {len(own(voting, person)) // 48 for person in (ANN, BOB, CAT)} == {42, 43}
    assert all(voting.accepts(person, own(voting, person)) for person in (ANN, BOB, CAT))
    assert voting.accepts(ANN, b"")


def test_is_extension_good__what_is_forged_or_anothers__is_refused(voting: Validators) -> None:
    assert not voting.accepts(ANN, own(voting, BOB))
    assert not voting.accepts(ANN, own(voting, ANN)[:-48])
    assert not voting.accepts(ANN, own(voting, ANN) + own(voting, ANN)[:48])
    assert not voting.accepts(ANN, bytes(len(own(voting, ANN))))
    assert not voting.accepts(ANN, b"x" * (1 << 20))
    assert not voting.accepts(STRANGER, own(voting, ANN))


def test_is_extension_good__for_another_block__is_refused(voting: Validators) -> None:
    signer = Signer(secret_of(ANN))
    assert not voting.accepts(ANN, signer.extend(voting.ctx, b"\1" * 32))


def test_is_extension_good__when_no_round_is_near__only_nothing_is(voting: Validators) -> None:
    late = own(voting, ANN)
    voting.silent = {ANN, BOB, CAT}
    network = Validators()
    network.play(Phase.SPRINT)
    assert own(network, ANN) == b""
    assert not network.accepts(ANN, late)
    assert network.accepts(ANN, b"")


def test_extend__in_a_round_that_is_late__signs_for_the_block_before_the_round() -> None:
    network = Validators(silent={ANN, BOB, CAT})
    network.play(Phase.SEED)
    wanted = find_wanted(network.ctx)
    assert wanted is not None
    for _ in range(3):
        assert find_votable(network.ctx, b"\7" * 32) == wanted
        network.step()


@pytest.mark.parametrize("idle", [set(), {BOB}])
def test_extend__deals_opened_as_they_came_or_all_at_once__signs_the_same(idle: set[Person]) -> None:
    """Over several epochs, where one deals nothing, and after a restart in the midst of it."""
    network = Validators(idle=idle)
    for _ in range(3):
        while network.place.phase not in {Phase.GENESIS, Phase.SERVE} or network.height < network.place.phase_last:
            network.step()
            if network.height == network.place.phase_last - 1:
                network.signers.pop(CAT.text)
        for person in (ANN, BOB, CAT):
            fresh = Signer(secret_of(person)).extend(network.ctx, sha256(network.last_hash).digest())
            assert fresh == own(network, person) != b""
        network.step()
    assert network.epoch == 3
    assert network.named("round_delayed") == []


def test_extend__a_secret_of_no_member__carries_nothing(voting: Validators) -> None:
    assert Signer(secret_of(STRANGER)).extend(voting.ctx, bytes(32)) == b""


FIRST, SECOND, THIRD = sorted((ANN, BOB, CAT), key=lambda person: person.address)
"""The first and the second hold the slots that are combined when all vote."""
FORGERIES = [
    (lambda network: own(network, THIRD), "another's partials"),
    (lambda network: bytes(len(own(network, FIRST))), "no points"),
    (lambda network: own(network, FIRST)[48:] + own(network, FIRST)[:48], "in another order"),
    (lambda network: own(network, FIRST)[:-48], "too few"),
    (lambda network: b"x" * 1000, "noise"),
]


@pytest.mark.parametrize(("forge", "words"), FORGERIES, ids=[words for _, words in FORGERIES])
def test_combine_extensions__one_forged_that_got_by__the_others_still_sign(forge, words: str) -> None:
    network = Validators()
    network.goto_height(4)
    votes = network.votes | {validator_of(FIRST): forge(network), validator_of(STRANGER): own(network, CAT)}
    network.votes = {}
    network.step()
    signature = combine_extensions(network.ctx, votes)
    take_signature(network.ctx, signature)
    assert network.named("round_signed") == [{"epoch": "1", "round": "sprint"}]


def test_combine_extensions__too_few__give_nothing(voting: Validators) -> None:
    votes = {validator_of(ANN): own(voting, ANN)}
    voting.votes = {}
    voting.step()
    assert combine_extensions(voting.ctx, votes) == b""
    assert combine_extensions(voting.ctx, {}) == b""


def test_combine_extensions__partials_for_a_round_that_is_over__give_nothing(voting: Validators) -> None:
    late = dict(voting.votes)
    voting.goto(Phase.SPRINT)
    assert combine_extensions(voting.ctx, late) == b""


def test_take_signature__anything_but_the_groups__is_refused() -> None:
    network = Validators(silent={ANN, BOB, CAT})
    network.goto(Phase.SEED)
    other = Validators()
    other.play(Phase.SPRINT)
    group = other.group(later=0)
    assert group is not None
    good = group.sprint_signature
    for forged in (b"", good[:-1], bytes(48), b"\xc0" + bytes(47), own(other, ANN)[:48] or b"x"):
        with pytest.raises(RuleError, match="beacon_output_invalid: not the signature"):
            take_signature(network.ctx, forged)
    take_signature(network.ctx, good)
    with pytest.raises(RuleError, match="beacon_output_invalid: no round waits"):
        take_signature(network.ctx, good)


def test_take_signature__the_first_rounds_in_the_second__is_refused() -> None:
    network = Validators()
    network.play(Phase.CLAIM)
    network.silent = {ANN, BOB, CAT}
    network.play(Phase.BEACON2)
    group = network.group(later=0)
    assert group is not None
    with pytest.raises(RuleError, match="beacon_output_invalid: not the signature"):
        take_signature(network.ctx, group.sprint_signature)

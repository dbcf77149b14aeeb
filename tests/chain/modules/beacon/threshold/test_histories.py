"""Random histories: whoever deals, signs or forges, a key's rounds are signed or late, and never skipped."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chain.modules.beacon import state
from chain.modules.beacon.threshold.dealing import find_key_group
from rules.seeds import compute_beacon_message
from rules.slots import THRESHOLD
from rules.types import Phase, Round
from tests.chain.ledger import ANN, BOB, CAT, CHAIN_ID, Person
from tests.chain.modules.beacon.threshold.validators import Validators
from wire.threshold.curve import verify

people = st.sets(st.sampled_from([ANN, BOB, CAT]))


@dataclass(frozen=True)
class Stretch:
    """Who does what for a number of blocks."""

    blocks: int
    idle: set[Person]
    silent: set[Person]
    forging: set[Person]


stretches = st.lists(
    st.builds(Stretch, blocks=st.integers(1, 12), idle=people, silent=people, forging=people), min_size=1, max_size=8
)


def check_round(network: Validators, opened_on: dict[Phase, bytes]) -> None:
    """A seed that is known was signed, where there is a key; a round that is over has a seed."""
    place = network.place
    group = find_key_group(network.store, place.epoch)
    for phase, beacon_round in ((Phase.SEED, Round.SPRINT), (Phase.BEACON2, Round.SAMPLE)):
        seed = state.get_seed(network.store, place.epoch, beacon_round)
        assert bool(seed) == (place.epoch > 0 and place.phase > phase)
        if seed and group and network.height == place.phase_first:
            signature = getattr(group, f"{beacon_round.name.lower()}_signature")
            message = compute_beacon_message(CHAIN_ID, place.epoch, beacon_round, opened_on[phase])
            assert verify(group.public_key, message, signature)


def advance(network: Validators, opened_on: dict[Phase, bytes]) -> None:
    """One block, with everyone's duties done where a phase opens."""
    if network.height == network.place.phase_first:
        network.act()
    network.step()
    if network.height == network.place.phase_first:
        opened_on[network.place.phase] = network.last_hash
    check_round(network, opened_on)


@settings(deadline=None, max_examples=6, suppress_health_check=[HealthCheck.too_slow])
@given(stretches)
def test_whatever_validators_do_every_round_of_a_key_is_signed_or_late(history: list[Stretch]) -> None:
    network, opened_on = Validators(), {}
    for stretch in history:
        network.idle, network.silent = stretch.idle, stretch.silent
        forging = stretch.forging
        network.spoil = lambda person, vote, forging=forging: vote[48:] + vote[:48] if person in forging else vote
        for _ in range(stretch.blocks):
            advance(network, opened_on)
    for event in network.named("key_dealt"):
        assert int(event["slots"]) >= THRESHOLD
    network.silent, network.idle, network.spoil = set(), set(), lambda _, vote: vote
    settled = len(network.named("epoch_settled"))
    for _ in range(60):  # two epochs, as the chain has gone on
        advance(network, opened_on)
    assert len(network.named("epoch_settled")) >= settled + 2

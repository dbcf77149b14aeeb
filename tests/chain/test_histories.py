"""Random histories: whatever hosts do or leave undone, the books balance after every block."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from google.protobuf.message import Message
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chain.modules.bank.state import get_balance, get_supply
from chain.modules.rewards import state as rewards
from chain.modules.sprint import state as sprint
from chain.modules.stake import state as stake
from rules.errors import RuleError
from rules.params import GNK
from rules.presets import GENESIS_UNITS
from rules.types import Dispute, Proof, Row
from rules.verdicts import STOPPED_DIGEST
from tests.chain.ledger import ANN, BOB, CAT, DAN
from tests.chain.network import DUTIES, Network, Player
from wire.gonka.stake.v1.tx_pb2 import MsgLeave, MsgRegisterHost, MsgStake, MsgUnstake

EVERY_DUTY = sorted({duty for duties in DUTIES.values() for duty, _ in duties}, key=lambda duty: duty.__name__)


@dataclass
class Erratic(Player):
    """Skips duties, forges tags, repeats leaves, accuses, guesses: each or none."""

    skips: frozenset[type[Message]] = frozenset()
    forged: int = 0
    doubled: bool = False
    accuses: bool = False
    guesses: bool = False
    orders: list[tuple[int, str, int]] = field(default_factory=list)

    def proofs(self, seed: bytes) -> list[Proof]:
        honest = super().proofs(seed)
        forged = [replace(p, tag=bytes(8)) if i < self.forged else p for i, p in enumerate(honest)]
        return forged * 2 if self.doubled else forged

    def row(self, honest: Row) -> Row:
        if self.accuses:
            return replace(honest, sample_digest=STOPPED_DIGEST, mismatched_positions=(0, 1, 2))
        return (
            replace(honest, sample_digest=b"guessing") if self.guesses and not honest.mismatched_positions else honest
        )

    def bit(self, dispute: Dispute, honest: bool) -> bool:
        return honest or self.accuses

    def does(self, duty: type[Message], epoch: int) -> bool:
        return duty not in self.skips


often_nothing = st.one_of(st.just(frozenset()), st.frozensets(st.sampled_from(EVERY_DUTY), max_size=3))
orders = st.lists(
    st.tuples(st.integers(0, 50), st.sampled_from(["stake", "unstake", "leave", "register"]), st.integers(1, 60)),
    max_size=4,
)


@st.composite
def players(draw: st.DrawFn) -> list[Player]:
    return [
        Erratic(
            person=person,
            count=draw(st.integers(3, 60)),
            skips=draw(often_nothing),
            forged=draw(st.sampled_from([0, 0, 0, 1, 3])),
            doubled=draw(st.sampled_from([False, False, False, True])),
            accuses=draw(st.sampled_from([False, False, False, True])),
            guesses=draw(st.sampled_from([False, False, False, True])),
            orders=draw(orders),
        )
        for person in (ANN, BOB, CAT, DAN)
    ]


ORDERS = {
    "stake": lambda host, amount: MsgStake(host=host, amount_ngonka=amount * GNK),
    "unstake": lambda host, amount: MsgUnstake(host=host, amount_ngonka=amount * GNK),
    "leave": lambda host, _: MsgLeave(host=host),
    "register": lambda host, _: MsgRegisterHost(host=host),
}


def play_block(network: Network) -> None:
    for player in network.players:
        assert isinstance(player, Erratic)
        wanted = [ORDERS[kind](player.person.text, n) for height, kind, n in player.orders if height == network.height]
        if network.height == network.place.phase_first:
            duties = [(d, build) for d, build in DUTIES.get(network.place.phase, ()) if player.does(d, network.epoch)]
            wanted += [message for message in (build(network, player) for _, build in duties) if message is not None]
        for message in wanted:
            try:
                network.send(message)
            except RuleError:
                continue
    network.step()


def check_books(network: Network) -> None:
    """Every pool holds exactly what is owed out of it."""
    store = network.store
    hosts = [record for _, record in stake.scan_hosts(store)]
    unbonding = sum(entry.amount_ngonka for _, entry in stake.scan_unbonding(store))
    assert get_balance(store, stake.STAKE_POOL) == sum(record.stake_ngonka for record in hosts) + unbonding
    claims = [claim for _, claim in sprint.scan_claims(store, network.epoch)]
    settled = sprint.get_summary(store, network.epoch) is not None
    bonds = 0 if settled else sum(claim.bond_ngonka for claim in claims if not claim.bond_from_stake)
    assert get_balance(store, sprint.BOND_POOL) == bonds
    pending = rewards.get_pending(store)
    owed = sum(payout.amount_ngonka for payout in pending.payouts) + pending.rest_ngonka
    assert get_balance(store, rewards.REWARD_POOL) == owed


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(players())
def test_two_epochs_of_whatever_hosts_do_conserve_the_supply_and_never_inflate_weight(found: list[Player]) -> None:
    network = Network(players=found)
    supply = get_supply(network.store)
    while network.epoch < 3:
        play_block(network)
        check_books(network)
    summaries = [network.summary(epoch) for epoch in (1, 2)]
    minted, burned = (sum(getattr(s, name) for s in summaries) for name in ("minted_ngonka", "slashed_ngonka"))
    assert get_supply(network.store) == supply + minted - burned
    for epoch, summary in enumerate(summaries, start=1):
        for outcome in summary.outcomes:
            before = GENESIS_UNITS if epoch == 1 else outcome.units_before
            assert outcome.effective_units <= outcome.units <= max(16 * outcome.claimed, before)
            assert outcome.wrong_rows <= outcome.due_rows


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(players())
def test_the_same_history_gives_the_same_state(found: list[Player]) -> None:
    states = []
    for _ in range(2):
        network = Network(players=found)
        while network.epoch < 2:
            play_block(network)
        states.append(list(network.store.scan(b"")))
    assert states[0] == states[1]

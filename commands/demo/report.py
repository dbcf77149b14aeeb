"""What the demo saw, whether it is what had to happen, and how it is shown."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from textwrap import fill

from commands.amounts import format_gnk
from commands.output import Json, render


@dataclass(frozen=True, slots=True, kw_only=True)
class HostFacts:
    """One host at the end: claim and verdict of epoch 2, money as sums over the run."""

    address: str
    claimed: int
    sampled: int
    mismatched: int
    verdict: str
    units: int
    stake_ngonka: int
    slashed_ngonka: int
    reward_ngonka: int
    reward_pending_ngonka: int
    killed: bool
    cheated: bool
    vote: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposalFacts:
    """The proposal at the end; `param_after` is what the first block of epoch 3 froze."""

    id: int
    status: str
    tally: dict[str, int]
    param_before: int
    param_after: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Everything the verdict on the demo looks at.

    `first_verdicts` are epoch 1's; `missed` the duties that the chain saw undone, by host; `proofs_at_kill` how many
    proofs the killed client had on disk; `killed_txs` the (duty, code) of its transactions in blocks of epoch 2;
    `repeated_txs` hashes that stand in more than one block.
    """

    hosts: tuple[HostFacts, ...]
    proposal: ProposalFacts
    epochs: int
    useful_share: float
    duration_s: float
    first_verdicts: tuple[str, ...]
    missed: tuple[str, ...]
    proofs_at_kill: int
    killed_txs: tuple[tuple[str, int], ...]
    repeated_txs: tuple[str, ...]


def find_failures(facts: Facts) -> list[str]:
    """What had to happen and did not, one line each; empty when the demo held."""
    cheats = [h for h in facts.hosts if h.cheated]
    honest = [h for h in facts.hosts if not h.cheated]
    killed = [h for h in facts.hosts if h.killed]
    once = [kind for kind, _ in facts.killed_txs if not kind.startswith("MsgClaim ")]
    expectations = [
        (len(facts.hosts) == 3 and len(cheats) == 1 and len(killed) == 1, "three hosts, one cheat, one killed"),
        (all(v == "ACCEPTED" for v in facts.first_verdicts), f"epoch 1 all ACCEPTED, not {facts.first_verdicts}"),
        (all(h.verdict == "ACCEPTED" and h.units > 0 for h in honest), "epoch 2 accepts the honest claims"),
        (all(h.verdict == "REJECTED" and h.units == 0 for h in cheats), "the cheat is REJECTED with weight 0"),
        (all(h.slashed_ngonka > 0 and h.mismatched >= 3 for h in cheats), "the cheat's stake is slashed"),
        (not any(h.slashed_ngonka for h in honest), "no honest host is slashed"),
        (all(h.claimed >= facts.proofs_at_kill > 0 for h in killed), "the killed host claims all it had on disk"),
        (all(code == 0 for _, code in facts.killed_txs), "no transaction of the killed host fails"),
        (len(once) == len(set(once)) > 0, "the killed host does each duty once"),
        (not facts.repeated_txs, "no transaction stands in two blocks"),
        (not facts.missed, f"no duty is missed, not: {'; '.join(facts.missed)}"),
        (facts.proposal.status == "passed", f"the proposal passes, not {facts.proposal.status}"),
        (facts.proposal.param_after == facts.proposal.param_before + 1, "the change acts by epoch 3"),
        (sorted(h.vote for h in facts.hosts) == ["no", "yes", "yes"], "two hosts vote yes and one no"),
        (all(h.vote == "yes" for h in cheats), "the cheat votes yes"),
        (all(h.reward_ngonka > 0 for h in facts.hosts), "epoch 1's reward is paid to all three"),
    ]
    return [f"expected that {text}" for held, text in expectations if not held]


def describe(facts: Facts) -> dict[str, Json]:
    """The object that `--json` prints."""
    return {
        "hosts": [asdict(h) for h in facts.hosts],
        "proposal": asdict(facts.proposal),
        "epochs": facts.epochs,
        "useful_share": round(facts.useful_share, 4),
        "duration_s": round(facts.duration_s, 1),
    }


def render_report(facts: Facts) -> str:
    """The closing table and a line of plain words per epoch, in 80 columns."""
    rows: list[Json] = [
        {
            "host": f"{_role(h)} ...{h.address[-4:]}",
            "claimed": h.claimed,
            "verdict": h.verdict,
            "units": h.units,
            "stake": format_gnk(h.stake_ngonka).removesuffix(" GNK"),
            "reward": format_gnk(h.reward_ngonka // 10**6 * 10**6).removesuffix(" GNK"),
            "vote": h.vote,
        }
        for h in facts.hosts
    ]
    return "\n".join([render(rows, width=80), "", *_tell_epochs(facts)])


def _role(host: HostFacts) -> str:
    return "cheat" if host.cheated else "killed" if host.killed else "honest"


def _tell_epochs(facts: Facts) -> Iterable[str]:
    cheat = next(h for h in facts.hosts if h.cheated)
    killed = next(h for h in facts.hosts if h.killed)
    proposal = facts.proposal
    yes, no = proposal.tally["yes"], proposal.tally["no"]
    verdicts = " / ".join(sorted(set(facts.first_verdicts)))
    texts = (
        "epoch 0: three hosts staked 100 GNK each and committed their first secrets.",
        f"epoch 1: all three sprinted; every claim was {verdicts}.",
        (
            f"epoch 2: the cheat claimed {cheat.claimed}, a third of it made up: {cheat.verdict}, weight {cheat.units}"
            f", {format_gnk(cheat.slashed_ngonka)} slashed. One host was killed with {facts.proofs_at_kill} proofs on "
            f"disk; it claimed {killed.claimed} and did every duty, once."
        ),
        (
            f"epoch 3: proposal {proposal.id} {proposal.status} with {yes} units to {no}; stake.unbonding_epochs is "
            f"{proposal.param_after}, was {proposal.param_before}. Rewards shown were earned in epoch 1, when the cheat"
            " was honest, so it was paid too."
        ),
    )
    for text in texts:
        yield fill(text, width=80, subsequent_indent=" " * 9)

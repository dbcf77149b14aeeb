"""The demo, step by step."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from chain_client.errors import TransientError
from commands.changes import build_updates, parse_changes
from commands.demo.cheat import LyingSidecar
from commands.demo.members import CHAIN_ID, STAKE_NGONKA, Member, make_members
from commands.demo.network import Network, run_network
from commands.demo.purse import Purse
from commands.demo.report import Facts, HostFacts, ProposalFacts
from commands.demo.watch import Watch, find_repeated, list_sent
from commands.proposals import STATUS_WORDS, TALLY
from commands.reading import PHASE_WORDS
from rules.addresses import encode_address, module_address
from rules.params import GNK
from rules.presets import LOCAL
from wire.codec import encode_params
from wire.gonka.sprint.v1.query_pb2 import EpochStatus
from wire.gonka.sprint.v1.sprint_pb2 import PHASE_SERVE, PHASE_SPRINT, Outcome, Phase, Verdict
from wire.gonka.stake.v1.tx_pb2 import MsgStake

from cosmos.base.v1beta1.coin_pb2 import Coin
from cosmos.gov.v1.tx_pb2 import MsgSubmitProposal, MsgVote

Progress = Callable[[str], None]
VOTES = {"yes": 1, "no": 3}
PROOFS_BEFORE_KILL = 5
KILL_TIMEOUT_S = 8
EPOCH_TIMEOUT_S = 120
POLL_S = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """What every step works with."""

    members: tuple[Member, ...]
    network: Network
    watch: Watch
    purses: dict[str, Purse]
    liars: tuple[LyingSidecar, ...]
    say: Progress

    async def until(self, reached: Callable[[EpochStatus], bool]) -> EpochStatus:
        """The first status for which `reached` holds, while all processes run."""
        return await self.watch.until(reached, timeout_s=EPOCH_TIMEOUT_S, guard=self.network.check_running)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What was seen on the way; `began` is on the monotonic clock."""

    began: float
    param_before: int
    proposal_id: int
    proofs_at_kill: int
    second_epoch_height: int


async def run_demo(directory: Path, say: Progress) -> Facts:
    """Runs it all in `directory`.  Raises ClientError when it cannot go on; what it saw is for the caller to judge."""
    began = time.monotonic()
    members = make_members(directory)
    say("starting three sidecars; each tests its backends against golden values")
    async with run_network(directory, members) as (network, ledger, liars):
        purses = {m.name: Purse(m, ledger) for m in members}
        stage = Stage(members=members, network=network, watch=Watch(ledger), purses=purses, liars=liars, say=say)
        await stage.until(lambda s: s.height >= 1)
        narrator = asyncio.create_task(narrate(stage))
        try:
            param_before = await stage.watch.frozen_unbonding_epochs()
            await stake_all(stage)
            proposal_id = await propose_and_vote(stage)
            proofs_at_kill = await cheat_and_kill(stage)
            second_epoch_height = (await stage.watch.epoch()).first_height
            end = await stage.until(lambda s: s.epoch == 3 and s.height > s.first_height)
        finally:
            narrator.cancel()
        seen = Seen(
            began=began,
            param_before=param_before,
            proposal_id=proposal_id,
            proofs_at_kill=proofs_at_kill,
            second_epoch_height=second_epoch_height,
        )
        return await collect(stage, end, seen)


async def stake_all(stage: Stage) -> None:
    """Every host stakes, at the same time."""
    messages = {m.name: MsgStake(host=m.address, amount_ngonka=STAKE_NGONKA) for m in stage.members}
    await asyncio.gather(*(stage.purses[name].send(message) for name, message in messages.items()))
    stage.say(f"three hosts staked {STAKE_NGONKA // GNK} GNK each")


async def propose_and_vote(stage: Stage) -> int:
    """In SERVE of epoch 1 a proposal opens, and all vote; returns its id."""
    await stage.until(lambda s: s.epoch == 1 and s.phase == PHASE_SERVE)
    live = encode_params(LOCAL)
    changes = parse_changes((f"stake.unbonding_epochs={LOCAL.stake.unbonding_epochs + 1}",), live)
    (update,) = build_updates(changes, live, encode_address(module_address("gov")))
    proposer = next(m for m in stage.members if m.vote == "yes")
    deposit = Coin(denom="ngonka", amount=str(LOCAL.gov.min_deposit_ngonka))
    message = MsgSubmitProposal(
        proposer=proposer.address, title="Unbond in three epochs", summary=changes[0].line, initial_deposit=[deposit]
    )
    message.messages.add().Pack(update, type_url_prefix="/")
    result = await stage.purses[proposer.name].send(message)
    proposal_id = next(int(v) for e in result.events for k, v in e.attributes if k == "proposal_id")
    stage.say(f"proposal {proposal_id}: {changes[0].line}")
    ballots = {m.name: MsgVote(proposal_id=proposal_id, voter=m.address, option=VOTES[m.vote]) for m in stage.members}
    await asyncio.gather(*(stage.purses[name].send(ballot) for name, ballot in ballots.items()))
    stage.say("two hosts voted yes, one honest host no")
    return proposal_id


async def cheat_and_kill(stage: Stage) -> int:
    """In epoch 2 the liar lies, and one host is killed early in the Sprint; returns its proofs on disk by then."""
    for liar in stage.liars:
        liar.job_id = f"{CHAIN_ID}-2"
    victim = next(m for m in stage.members if m.is_killed)
    await stage.until(lambda s: s.epoch == 2 and s.phase == PHASE_SPRINT)
    stage.say(f"{next(m.name for m in stage.members if m.cheats)} makes up a third of its proofs")
    deadline = time.monotonic() + KILL_TIMEOUT_S
    while await stage.network.acked(victim) < PROOFS_BEFORE_KILL and time.monotonic() < deadline:  # noqa: ASYNC110  # polled over gRPC
        await asyncio.sleep(POLL_S)
    proofs = await stage.network.kill_and_restart(victim)
    stage.say(f"{victim.name} is killed, client and sidecar, with {proofs} proofs on disk, and started again")
    return proofs


async def narrate(stage: Stage) -> None:
    """Says each phase as it begins, until it is cancelled."""
    told = (0, 0)
    while True:
        with suppress(TransientError):
            status = await stage.watch.epoch()
            if (status.epoch, status.phase) != told:
                told = (status.epoch, status.phase)
                stage.say(f"epoch {status.epoch}, {PHASE_WORDS[Phase.Name(status.phase)]}")
        await asyncio.sleep(POLL_S)


async def collect(stage: Stage, end: EpochStatus, seen: Seen) -> Facts:
    """All that the chain and the sidecars say at the end."""
    first, second = [await stage.watch.summary(epoch) for epoch in (1, 2)]
    proposal = await stage.watch.proposal(seen.proposal_id)
    blocks = await stage.watch.blocks(end.height)
    victim = next(m for m in stage.members if m.is_killed)
    heights = [height for height, _ in enumerate(blocks, 1) if height >= seen.second_epoch_height]
    sent = list_sent([blocks[height - 1] for height in heights], victim.key.public_key)
    outcomes = {o.host: o for o in second.outcomes}
    tally = {name: int(getattr(proposal.final_tally_result, f"{name}_count") or 0) for name in TALLY}
    return Facts(
        hosts=tuple([await describe_host(stage, m, outcomes[m.address]) for m in stage.members]),
        proposal=ProposalFacts(
            id=seen.proposal_id,
            status=STATUS_WORDS[proposal.status],
            tally=tally,
            param_before=seen.param_before,
            param_after=await stage.watch.frozen_unbonding_epochs(),
        ),
        epochs=end.epoch,
        useful_share=await stage.network.useful_share(),
        duration_s=time.monotonic() - seen.began,
        first_verdicts=tuple(name_verdict(o.verdict) for o in first.outcomes),
        missed=tuple(f"{o.host}: {m}" for summary in (first, second) for o in summary.outcomes for m in o.missed),
        proofs_at_kill=seen.proofs_at_kill,
        killed_txs=tuple([(kind, await stage.watch.code_of(tx)) for tx, kind in sent]),
        repeated_txs=find_repeated(blocks),
    )


async def describe_host(stage: Stage, member: Member, outcome: Outcome) -> HostFacts:
    """One host at the end."""
    answer = await stage.watch.host(member.address)
    return HostFacts(
        address=member.address,
        claimed=outcome.claimed,
        sampled=outcome.sampled,
        mismatched=outcome.mismatched,
        verdict=name_verdict(outcome.verdict),
        units=answer.entry.units,
        stake_ngonka=answer.host.stake_ngonka,
        slashed_ngonka=answer.host.slashed_ngonka,
        reward_ngonka=answer.host.reward_ngonka,
        reward_pending_ngonka=outcome.reward_pending_ngonka,
        killed=member.is_killed,
        cheated=member.cheats,
        vote=member.vote,
    )


def name_verdict(verdict: int) -> str:
    """ACCEPTED, REJECTED, ...; `-` for none."""
    return Verdict.Name(verdict).removeprefix("VERDICT_").replace("UNSPECIFIED", "-")

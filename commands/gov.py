"""`gnk gov`: propose, deposit, vote, and see how it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from commands.amounts import format_gnk, parse_amount
from commands.call import KEY, Call, keyed, reads, writes
from commands.model_proposals import propose_model
from commands.output import Json
from commands.proposals import describe_proposal, read_ballot, read_proposal, read_proposals, summarize_proposal
from commands.proposing import propose
from commands.proving import proves, write_proof
from commands.writing import Draft, acting_address, submit

if TYPE_CHECKING:
    from pathlib import Path

    from google.protobuf.message import Message

    from chain_client.rpc import RpcNode

OPTIONS = {"yes": 1, "abstain": 2, "no": 3, "no_with_veto": 4}


@click.group()
def group() -> None:
    """Propose, deposit, vote, and see how it stands.

    A vote weighs the compute units you proved, not the GNK you hold.
    """


group.add_command(propose)
propose.add_command(propose_model)


@group.command()
@click.argument("proposal_id", type=click.IntRange(1, 2**63 - 1), metavar="ID")
@click.argument("amount")
@writes
def deposit(call: Call, proposal_id: int, amount: str) -> None:
    """Add AMOUNT to the deposit of proposal ID."""
    import wire  # noqa: F401  # puts the Cosmos messages on the path

    from cosmos.base.v1beta1.coin_pb2 import Coin
    from cosmos.gov.v1.tx_pb2 import MsgDeposit

    ngonka = parse_amount(amount)
    message = MsgDeposit(
        proposal_id=proposal_id,
        depositor=acting_address(call),
        amount=[Coin(denom="ngonka", amount=str(ngonka))],
    )
    draft = Draft(
        what=f"deposit {format_gnk(ngonka)} on proposal {proposal_id}",
        messages=(message,),
        effects=("the deposit returns when voting ends",),
        warnings=("it is burned if the proposal is vetoed",),
    )
    submit(call, draft)


@group.command()
@click.argument("proposal_id", type=click.IntRange(1, 2**63 - 1), metavar="ID")
@click.argument("choice", metavar="yes|no|abstain|no_with_veto|yes=0.7,no=0.3")
@writes
def vote(call: Call, proposal_id: int, choice: str) -> None:
    """Vote on proposal ID; the last vote before the end counts."""
    import wire  # noqa: F401  # puts the Cosmos messages on the path

    from cosmos.gov.v1.gov_pb2 import WeightedVoteOption
    from cosmos.gov.v1.tx_pb2 import MsgVote, MsgVoteWeighted

    voter = acting_address(call)
    weights = parse_choice(choice)
    message: Message
    if len(weights) == 1:
        message = MsgVote(proposal_id=proposal_id, voter=voter, option=OPTIONS[next(iter(weights))])
    else:
        options = [WeightedVoteOption(option=OPTIONS[name], weight=weight) for name, weight in weights.items()]
        message = MsgVoteWeighted(proposal_id=proposal_id, voter=voter, options=options)
    proposal = read_proposal(call, proposal_id)
    draft = Draft(
        what=f"vote {choice} on proposal {proposal_id}: {proposal.title}",
        messages=(message,),
        effects=("the ballot weighs your effective units, the smaller of when voting began and when it ends",),
    )
    submit(call, draft)


def parse_choice(text: str) -> dict[str, str]:
    """Weights by option, as decimal texts that sum to exactly 1; a lone option weighs `1`.

    Raises: RuleError `vote_option_invalid` or `vote_weights_invalid`.
    """
    from decimal import Decimal, InvalidOperation

    from rules.errors import RuleError

    weights: dict[str, str] = {}
    for part in text.lower().split(","):
        name, equals, weight = part.strip().replace("-", "_").partition("=")
        if name not in OPTIONS:
            raise RuleError("vote_option_invalid", f"{name!r} is none of {', '.join(OPTIONS)}")
        if name in weights:
            raise RuleError("vote_weights_invalid", f"{name} is given twice")
        weights[name] = weight if equals else "1"
    try:
        total = sum(Decimal(w) for w in weights.values())
        positive = all(Decimal(w) > 0 for w in weights.values())
    except InvalidOperation as error:
        raise RuleError("vote_weights_invalid", f"{text!r}: a weight is a decimal such as 0.7") from error
    if total != 1 or not positive:
        raise RuleError("vote_weights_invalid", f"the weights sum to {total}")
    return weights


@group.command()
@click.argument("proposal_id", type=click.IntRange(1, 2**63 - 1), metavar="ID")
@click.option("--voter", metavar="ADDRESS", help="Whose ballot [the key's].")
@proves
@KEY
@keyed
def prove(call: Call, proposal_id: int, voter: str | None, rpc: str, trust_height: int | None, out: Path) -> None:
    """Write a file that shows how a ballot on proposal ID was counted.

    `gnk verify` checks it without asking any node.
    """
    from chain.modules.gov.state import ballot_key, proposal_key, vote_key
    from chain_client.errors import PermanentError
    from rules.addresses import decode_address

    address = decode_address(voter or acting_address(call))

    async def choose(node: RpcNode) -> list[bytes]:
        ballot = ballot_key(proposal_id, address)
        if not (await node.read_pair(ballot, 0))[1]:
            raise PermanentError("ballot_missing", f"proposal {proposal_id}", proposal_id=proposal_id)
        return [proposal_key(proposal_id), vote_key(proposal_id, address), ballot]

    write_proof(call, rpc, trust_height, out, choose)


@group.command(short_help="What proposal ID changes, and how it stands.")
@click.argument("proposal_id", type=click.IntRange(1, 2**63 - 1), metavar="ID")
@reads
def show(call: Call, proposal_id: int) -> None:
    """What proposal ID changes, the tally, the thresholds, and the time left."""
    call.emit(describe_proposal(call, proposal_id))


@group.command(name="list")
@click.option("--open", "only_open", is_flag=True, help="Only those that take votes or deposits.")
@click.option("--mine", is_flag=True, help="Only those that I may vote on and have not.")
@reads
def list_(call: Call, only_open: bool, mine: bool) -> None:
    """All proposals, newest first."""
    rows: list[Json] = []
    voter = acting_address(call) if mine else ""
    for proposal in read_proposals(call):
        takes = proposal.status in {1, 2}
        if (only_open and not takes) or (mine and (proposal.status != 2 or read_ballot(call, proposal.id, voter))):
            continue
        rows.append(summarize_proposal(proposal))
    call.emit(rows)

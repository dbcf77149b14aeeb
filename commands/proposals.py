"""Proposals as voters read them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from commands.amounts import format_gnk
from commands.call import Call, ask
from commands.output import Json
from commands.params import flatten
from commands.reading import read_params

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from wire.gonka.inference.v1.tx_pb2 import MsgAddModel

STATUS_WORDS = {1: "deposit", 2: "voting", 3: "passed", 4: "rejected", 5: "failed"}
TALLY = ("yes", "no", "abstain", "no_with_veto")


def read_proposal(call: Call, proposal_id: int) -> Any:
    """The cosmos.gov.v1.Proposal.  Raises proposal_unknown."""
    import wire  # noqa: F401  # puts the Cosmos messages on the path

    from cosmos.gov.v1.query_pb2 import QueryProposalRequest, QueryProposalResponse

    request = QueryProposalRequest(proposal_id=proposal_id)
    return ask(
        call, lambda ledger: ledger.query("/cosmos.gov.v1.Query/Proposal", request, QueryProposalResponse)
    ).proposal


def read_proposals(call: Call) -> list[Any]:
    """All proposals, newest first."""
    import wire  # noqa: F401  # puts the Cosmos messages on the path

    from cosmos.gov.v1.query_pb2 import QueryProposalsRequest, QueryProposalsResponse

    request = QueryProposalsRequest()
    answer = ask(call, lambda ledger: ledger.query("/cosmos.gov.v1.Query/Proposals", request, QueryProposalsResponse))
    return sorted(answer.proposals, key=lambda p: -int(p.id))


def read_ballot(call: Call, proposal_id: int, voter: str) -> Any:
    """The voter's cosmos.gov.v1.Vote on an open proposal, None where there is none."""
    import wire  # noqa: F401  # puts the Cosmos messages on the path
    from chain_client.errors import ClientError

    from cosmos.gov.v1.query_pb2 import QueryVoteRequest, QueryVoteResponse

    request = QueryVoteRequest(proposal_id=proposal_id, voter=voter)
    try:
        return ask(call, lambda ledger: ledger.query("/cosmos.gov.v1.Query/Vote", request, QueryVoteResponse)).vote
    except ClientError as error:
        if error.code == "not_found":
            return None
        raise


def summarize_proposal(proposal: Any) -> dict[str, Json]:
    """A proposal in one line of a table."""
    return {
        "id": int(proposal.id),
        "title": proposal.title,
        "status": STATUS_WORDS.get(proposal.status, "?"),
        "expedited": proposal.expedited,
        "voting_ends": proposal.voting_end_time.ToJsonString() if proposal.status == 2 else None,
    }


def describe_proposal(call: Call, proposal_id: int) -> dict[str, Json]:
    """A proposal with its changes against the live values, its tally in units and what it needs to pass."""
    import wire  # noqa: F401  # puts the Cosmos messages on the path

    from cosmos.gov.v1.query_pb2 import QueryTallyResultRequest, QueryTallyResultResponse

    proposal = read_proposal(call, proposal_id)
    request = QueryTallyResultRequest(proposal_id=proposal_id)
    answer = ask(
        call, lambda ledger: ledger.query("/cosmos.gov.v1.Query/TallyResult", request, QueryTallyResultResponse)
    )
    params = read_params(call).params
    threshold = params.gov.expedited_threshold_ppm if proposal.expedited else params.gov.threshold_ppm
    return {
        **summarize_proposal(proposal),
        "summary": proposal.summary,
        "proposer": proposal.proposer,
        "changes": [line for message in proposal.messages for line in describe_change(message, params)],
        "tally_units": {name: int(getattr(answer.tally, f"{name}_count") or 0) for name in TALLY},
        "needs": {
            "quorum": _percent(params.gov.quorum_ppm) + " of all effective units",
            "yes": f"more than {_percent(threshold)} of yes, no and no_with_veto",
            "veto": f"at most {_percent(params.gov.veto_ppm)} no_with_veto",
        },
        "failed_reason": proposal.failed_reason or None,
    }


def describe_change(packed: Any, params: Message) -> list[str]:
    """What a proposal's message does, a line each: parameters as `name: live -> proposed`, others by their type."""
    from wire.gonka.inference.v1.tx_pb2 import MsgAddModel
    from wire.gonka.params.v1.tx_pb2 import MsgUpdateParams

    from cosmos.upgrade.v1beta1.tx_pb2 import MsgSoftwareUpgrade

    if packed.Is(MsgSoftwareUpgrade.DESCRIPTOR):
        plan = MsgSoftwareUpgrade.FromString(packed.value).plan
        return [f"upgrade {plan.name} with block {plan.height}, or the first of SERVE after it"]
    if packed.Is(MsgAddModel.DESCRIPTOR):
        return [_describe_model(MsgAddModel.FromString(packed.value))]
    if not packed.Is(MsgUpdateParams.DESCRIPTOR):
        return [str(packed.type_url)]
    update = MsgUpdateParams.FromString(packed.value)
    live = getattr(params, update.module)
    proposed = type(live).FromString(update.params.value)
    before, after = flatten(live), flatten(proposed)
    named = [n for n in after if any(f"{n}.".startswith(f"{path}.") for path in update.mask.paths)]
    return [f"{update.module}.{n}: {before[n]} -> {after[n]}" for n in named]


def _describe_model(message: MsgAddModel) -> str:
    units = f"{message.units_per_token_in} and {message.units_per_token_out} units a token in and out"
    price = f"{format_gnk(message.base_price_ngonka)} for 10^6 units"
    return f"add model {message.name}, contents {message.content_hash.hex()}: {units}, {price}"


def _percent(ppm: int) -> str:
    whole, part = divmod(ppm, 10_000)
    return f"{whole}{f'.{part:04d}'.rstrip('0') if part else ''} %"

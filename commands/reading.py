"""The queries that several commands ask."""

from __future__ import annotations

from typing import TYPE_CHECKING

from commands.call import Call, ask

if TYPE_CHECKING:
    from chain_client.ledger import Ledger
    from wire.gonka.params.v1.query_pb2 import QueryParamsResponse
    from wire.gonka.sprint.v1.query_pb2 import EpochStatus, QueryViewResponse
    from wire.gonka.sprint.v1.sprint_pb2 import EpochSummary
    from wire.gonka.stake.v1.query_pb2 import QueryHostResponse

PHASE_WORDS = {
    "PHASE_GENESIS": "genesis: hosts stake; no Sprint",
    "PHASE_SEED": "SEED: the Sprint's seed is being revealed",
    "PHASE_SPRINT": "SPRINT: all hosts make proofs",
    "PHASE_CLAIM": "CLAIM: proofs go on, claims are taken",
    "PHASE_BEACON2": "BEACON2: the sample's seed is being revealed",
    "PHASE_REVEAL": "REVEAL: hosts open their sampled leaves",
    "PHASE_ROWS_COMMIT": "ROWS: verifiers recompute and commit",
    "PHASE_ROWS_REVEAL": "ROWS: verifiers reveal",
    "PHASE_DISPUTE_COMMIT": "DISPUTE: jurors recompute and commit",
    "PHASE_DISPUTE_REVEAL": "DISPUTE: jurors reveal",
    "PHASE_SETTLE": "SETTLE: verdicts, weights, rewards",
    "PHASE_SERVE": "SERVE: GPUs serve inference",
}


def describe_phase(phase: str, late_blocks: int) -> str:
    """A phase, PHASE_..., in words; that it waits for its round, where it does."""
    late = f"; {late_blocks} blocks late: too few validators sign the round" if late_blocks else ""
    return f"{PHASE_WORDS[phase]}{late}"


def read_params(call: Call) -> QueryParamsResponse:
    """Every module's parameters, live and frozen."""
    from wire.gonka.params.v1.query_pb2 import QueryParamsRequest, QueryParamsResponse

    return ask(
        call, lambda ledger: ledger.query("/gonka.params.v1.Query/Params", QueryParamsRequest(), QueryParamsResponse)
    )


def read_epoch(call: Call) -> EpochStatus:
    """Where the chain stands in its epoch."""
    from wire.gonka.sprint.v1.query_pb2 import QueryEpochRequest, QueryEpochResponse

    answer = ask(
        call, lambda ledger: ledger.query("/gonka.sprint.v1.Query/Epoch", QueryEpochRequest(), QueryEpochResponse)
    )
    return answer.status


def read_chain_id(call: Call) -> str:
    """The chain id that the node names; the one asked for, where one was."""

    async def latest(ledger: Ledger) -> str:
        return (await ledger.latest()).chain_id

    return ask(call, latest)


def read_view(call: Call, address: str) -> QueryViewResponse:
    """What the host at a bech32 address decides by, read at one height."""
    from wire.gonka.sprint.v1.query_pb2 import QueryViewRequest, QueryViewResponse

    request = QueryViewRequest(host=address)
    return ask(call, lambda ledger: ledger.query("/gonka.sprint.v1.Query/View", request, QueryViewResponse))


def read_summary(call: Call, epoch: int) -> EpochSummary:
    """The settlement of a past epoch.  Raises not_found when it is not settled yet or no longer kept."""
    from wire.gonka.sprint.v1.query_pb2 import QuerySummaryRequest, QuerySummaryResponse

    request = QuerySummaryRequest(epoch=epoch)
    answer = ask(call, lambda ledger: ledger.query("/gonka.sprint.v1.Query/Summary", request, QuerySummaryResponse))
    return answer.summary


def read_host(call: Call, address: str) -> QueryHostResponse:
    """A host's record, its unbonding stake and its line in the table.  Raises host_unknown."""
    from wire.gonka.stake.v1.query_pb2 import QueryHostRequest, QueryHostResponse

    request = QueryHostRequest(address=address)
    return ask(call, lambda ledger: ledger.query("/gonka.stake.v1.Query/Host", request, QueryHostResponse))


def find_host(call: Call, address: str) -> QueryHostResponse | None:
    """A host as `read_host` gives it; None for an account that is no host."""
    from chain_client.errors import ClientError

    try:
        return read_host(call, address)
    except ClientError as error:
        if error.code != "host_unknown":
            raise
        return None


def format_wait(blocks: int, block_ms: int) -> str:
    """How long some blocks take, in words: `about 12 s (24 blocks)`."""
    return f"about {format_duration(blocks * block_ms // 1000)} ({blocks} block{'' if blocks == 1 else 's'})"


def format_duration(seconds: int) -> str:
    """Seconds as people say them: 90 s, 45 min, 3 h 5 min."""
    if seconds < 120:
        return f"{seconds} s"
    if seconds < 7200:
        return f"{seconds // 60} min"
    return f"{seconds // 3600} h {seconds % 3600 // 60} min"

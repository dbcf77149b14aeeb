"""The queries that several commands ask."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from commands.call import Call, ask

if TYPE_CHECKING:
    from chain_client.ledger import Ledger
    from wire.gonka.params.v1.query_pb2 import QueryParamsResponse
    from wire.gonka.sprint.v1.query_pb2 import EpochStatus, QueryViewResponse
    from wire.gonka.sprint.v1.sprint_pb2 import EpochSummary
    from wire.gonka.stake.v1.query_pb2 import QueryHostResponse

MOST_LOOKS: Final = 30
BETWEEN_LOOKS_S: Final = 2.0
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


def await_chain_id(call: Call) -> str:
    """The chain id that is configured, else what the node names: for processes that start together with the node.

    Asks for about a minute, so that a service manager, which counts starts, waits for a chain as long as it takes.
    """
    return call.config.chain_id or keep_asking(lambda: read_chain_id(call))


def _pause() -> None:
    time.sleep(BETWEEN_LOOKS_S)


def keep_asking(read: Callable[[], str], pause: Callable[[], None] = _pause) -> str:
    """What `read` returns, called up to MOST_LOOKS times while it raises TransientError."""
    import structlog

    from chain_client.errors import TransientError

    for look in range(MOST_LOOKS - 1):
        try:
            return read()
        except TransientError as error:
            if not look:
                structlog.get_logger().warning("chain_awaited", code=error.code, detail=error.detail)
            pause()
    return read()


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
    from chain_client.readiness import format_duration

    return f"about {format_duration(blocks * block_ms // 1000)} ({blocks} block{'' if blocks == 1 else 's'})"

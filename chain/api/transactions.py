"""cosmos.tx.v1beta1: trying, sending and finding transactions."""

import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from hashlib import sha256
from typing import Protocol, TypeAlias

from google.protobuf.message import DecodeError

from chain.api.blocks import find_block, find_id
from chain.api.txsearch import Search, parse_hash, parse_query, read_places, take_places
from chain.engine.application import CheckResult, TxResult
from chain.engine.blocklog import LoggedBlock, find_tx, tx_result_to_message
from chain.modules.pagination import DEFAULT_LIMIT, MAX_LIMIT, paginate
from chain.modules.query import Query, Snapshot
from rules.errors import CATALOGUE, RuleError
from wire.errors import CODESPACE, read_error

from cosmos.base.abci.v1beta1.abci_pb2 import GasInfo, Result, TxResponse
from cosmos.base.query.v1beta1.pagination_pb2 import PageResponse
from cosmos.tx.v1beta1 import service_pb2 as pb
from cosmos.tx.v1beta1.tx_pb2 import AuthInfo, Tx, TxBody, TxRaw

_MODES = {pb.BROADCAST_MODE_SYNC, pb.BROADCAST_MODE_ASYNC}


class Pool(Protocol):
    """Where transactions are tried and wait for a block."""

    def submit(self, tx: bytes) -> CheckResult | Awaitable[CheckResult]:
        """Let a transaction wait if it passes; a promise where it waits in another process."""
        ...

    def simulate(self, tx: bytes) -> TxResult:
        """What a transaction would come to."""
        ...


def build_queries(pool: Pool) -> tuple[Query, ...]:
    """The methods of the service over `pool`."""
    return (
        Query("cosmos.tx.v1beta1.Service.Simulate", _simulating(pool)),
        Query("cosmos.tx.v1beta1.Service.BroadcastTx", _broadcasting(pool)),
        Query("cosmos.tx.v1beta1.Service.GetTx", get_tx),
        Query("cosmos.tx.v1beta1.Service.GetTxsEvent", search),
        Query("cosmos.tx.v1beta1.Service.GetBlockWithTxs", get_block),
    )


def _simulating(pool: Pool) -> Callable[[Snapshot, pb.SimulateRequest], pb.SimulateResponse]:
    def simulate(_snapshot: Snapshot, request: pb.SimulateRequest) -> pb.SimulateResponse:
        """The gas a transaction would use after those that wait.  RuleError: what it would fail with."""
        result = pool.simulate(request.tx_bytes or _encode(request.tx))
        if result.code != 0:
            raise read_error(result.log) or RuleError("internal", result.log)
        message = tx_result_to_message(result)
        return pb.SimulateResponse(
            gas_info=GasInfo(gas_wanted=result.gas_wanted, gas_used=result.gas_used),
            result=Result(data=result.data, log=result.log, events=message.events),
        )

    return simulate


Broadcast: TypeAlias = Callable[
    [Snapshot, pb.BroadcastTxRequest], pb.BroadcastTxResponse | Awaitable[pb.BroadcastTxResponse]
]


def _broadcasting(pool: Pool) -> Broadcast:
    def broadcast(
        snapshot: Snapshot, request: pb.BroadcastTxRequest
    ) -> pb.BroadcastTxResponse | Awaitable[pb.BroadcastTxResponse]:
        """Let a transaction wait for a block; `code` is 0, or says why it may not.  RuleError request_invalid."""
        if request.mode not in _MODES:
            raise RuleError("request_invalid", "broadcast in mode SYNC or ASYNC, then ask GetTx")
        tx_hash = sha256(request.tx_bytes).digest()
        response = TxResponse(txhash=tx_hash.hex().upper())
        place = find_tx(snapshot.records, tx_hash)
        if place is not None:
            _refuse(response, "tx_duplicate", f"in block {place[0]}")
            return pb.BroadcastTxResponse(tx_response=response)
        result = pool.submit(request.tx_bytes)
        return _say_later(response, result) if isinstance(result, Awaitable) else _say(response, result)

    return broadcast


async def _say_later(response: TxResponse, result: Awaitable[CheckResult]) -> pb.BroadcastTxResponse:
    return _say(response, await result)


def _say(response: TxResponse, result: CheckResult) -> pb.BroadcastTxResponse:
    response.code, response.codespace, response.raw_log = result.code, result.codespace, result.log
    return pb.BroadcastTxResponse(tx_response=response)


def get_tx(snapshot: Snapshot, request: pb.GetTxRequest) -> pb.GetTxResponse:
    """A transaction in a block, by its hash in hex.  RuleError not_found."""
    place = find_tx(snapshot.records, parse_hash(request.hash))
    if place is None or place[0] > snapshot.height:
        raise RuleError("not_found", f"tx not found: {request.hash}")
    ((logged, index),) = read_places(snapshot.records, [place])
    return pb.GetTxResponse(tx=_decode(logged.block.txs[index]), tx_response=_respond(logged, index))


def search(snapshot: Snapshot, request: pb.GetTxsEventRequest) -> pb.GetTxsEventResponse:
    """The transactions for which all conditions hold, the oldest first unless ordered otherwise.

    Pages are counted from 1.  RuleError request_invalid.
    """
    found = Search(conditions=parse_query(request.query or " AND ".join(request.events)), height=snapshot.height)
    limit = min(request.limit or request.pagination.limit or DEFAULT_LIMIT, MAX_LIMIT)
    start = (request.page - 1) * limit if request.page else request.pagination.offset
    newest = request.order_by == pb.ORDER_BY_DESC
    places, total = take_places(
        snapshot.records, found, start=min(start, sys.maxsize - limit), limit=limit, newest=newest
    )
    response = pb.GetTxsEventResponse(total=total, pagination=PageResponse(total=total))
    for logged, index in read_places(snapshot.records, places):
        response.txs.append(_decode(logged.block.txs[index]))
        response.tx_responses.append(_respond(logged, index))
    return response


def get_block(snapshot: Snapshot, request: pb.GetBlockWithTxsRequest) -> pb.GetBlockWithTxsResponse:
    """A block with its transactions decoded.  RuleError not_found."""
    logged, block = find_block(snapshot, request.height)
    txs, page = paginate(logged.block.txs, request.pagination)
    return pb.GetBlockWithTxsResponse(
        txs=[_decode(tx) for tx in txs], block_id=find_id(snapshot, logged), block=block, pagination=page
    )


def _respond(logged: LoggedBlock, index: int) -> TxResponse:
    tx, result = logged.block.txs[index], logged.result.tx_results[index]
    time = datetime.fromtimestamp(logged.block.time_ns // 10**9, UTC)
    response = TxResponse(
        height=logged.block.height,
        txhash=sha256(tx).hexdigest().upper(),
        codespace=result.codespace,
        code=result.code,
        data=result.data.hex().upper(),
        raw_log=result.log,
        gas_wanted=result.gas_wanted,
        gas_used=result.gas_used,
        timestamp=time.strftime("%Y-%m-%dT%H:%M:%SZ"),
        events=tx_result_to_message(result).events,
    )
    response.tx.Pack(_decode(tx), type_url_prefix="/")
    return response


def _decode(tx: bytes) -> Tx:
    """The transaction, or as much of it as can be read: a block may hold one that was refused as malformed."""
    try:
        raw = TxRaw.FromString(tx)
        body, auth_info = TxBody.FromString(raw.body_bytes), AuthInfo.FromString(raw.auth_info_bytes)
    except DecodeError:
        return Tx()
    return Tx(body=body, auth_info=auth_info, signatures=raw.signatures)


def _encode(tx: Tx) -> bytes:
    raw = TxRaw(
        body_bytes=tx.body.SerializeToString(),
        auth_info_bytes=tx.auth_info.SerializeToString(),
        signatures=tx.signatures,
    )
    encoded: bytes = raw.SerializeToString()
    return encoded


def _refuse(response: TxResponse, code: str, detail: str) -> None:
    response.code, response.codespace, response.raw_log = CATALOGUE[code].number, CODESPACE, f"{code}: {detail}"

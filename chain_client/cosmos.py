"""The ledger over gRPC, as every Cosmos chain serves it."""

from __future__ import annotations

import hashlib
import re
from fractions import Fraction
from types import TracebackType
from typing import TYPE_CHECKING, Final, TypeVar

import grpc.aio
from google.protobuf.message import Message
from grpc import StatusCode

from chain_client.errors import ClientError, PermanentError, TransientError
from chain_client.ledger import Account, Block, Event, GasPrice, Receipt, TxResult
from chain_client.transactions import DENOM
from wire.errors import CODES, CODESPACE, read_error

from cosmos.auth.v1beta1.auth_pb2 import BaseAccount
from cosmos.auth.v1beta1.query_pb2 import QueryAccountRequest, QueryAccountResponse
from cosmos.base.node.v1beta1.query_pb2 import ConfigRequest, ConfigResponse
from cosmos.base.tendermint.v1beta1.query_pb2 import GetLatestBlockRequest, GetLatestBlockResponse
from cosmos.tx.v1beta1.service_pb2 import (
    BROADCAST_MODE_SYNC,
    BroadcastTxRequest,
    BroadcastTxResponse,
    GetTxRequest,
    GetTxResponse,
    SimulateRequest,
    SimulateResponse,
)

if TYPE_CHECKING:
    from cosmos.base.abci.v1beta1.abci_pb2 import TxResponse

Answer = TypeVar("Answer", bound=Message)

TIMEOUT_S: Final = 10.0
LARGEST_MESSAGE: Final = 16 << 20
_PASSING: Final = {"mempool_full", "node_busy", "consensus_unreachable"}
"""Refusals that may be over with the next block."""

_PRICE: Final = re.compile(r"(?P<amount>\d+(?:\.\d+)?)(?P<denom>[a-zA-Z][a-zA-Z0-9/:._-]*)", re.ASCII)
_TX: Final = "/cosmos.tx.v1beta1.Service"


class CosmosLedger:
    """One connection; an async context manager that checks the chain's id on entering.

    `timeout_s` bounds every call.  All methods raise ClientError only.
    """

    def __init__(self, channel: grpc.aio.Channel, *, chain_id: str, timeout_s: float) -> None:
        self._channel = channel
        self._chain_id = chain_id
        self._timeout_s = timeout_s

    @classmethod
    def open(cls, target: str, *, chain_id: str = "", timeout_s: float = TIMEOUT_S) -> CosmosLedger:
        """A ledger at a gRPC target (host:port, unix:PATH); an empty `chain_id` accepts any chain."""
        options = [
            ("grpc.max_receive_message_length", LARGEST_MESSAGE),
            ("grpc.initial_reconnect_backoff_ms", 100),
            ("grpc.max_reconnect_backoff_ms", 500),
        ]
        return cls(grpc.aio.insecure_channel(target, options=options), chain_id=chain_id, timeout_s=timeout_s)

    async def __aenter__(self) -> CosmosLedger:
        if self._chain_id:
            try:
                found = (await self.latest()).chain_id
                if found != self._chain_id:
                    detail = f"this is {found}, not {self._chain_id}"
                    raise PermanentError("chain_id_mismatch", detail, found=found, wanted=self._chain_id)
            except ClientError:
                await self._channel.close()
                raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._channel.close()

    async def latest(self) -> Block:
        """The latest final block."""
        method = "/cosmos.base.tendermint.v1beta1.Service/GetLatestBlock"
        header = (await self.query(method, GetLatestBlockRequest(), GetLatestBlockResponse)).block.header
        return Block(chain_id=header.chain_id, height=header.height, time_s=header.time.seconds)

    async def account(self, address: str) -> Account:
        """The account at the latest height.  Raises account_unknown."""
        method = "/cosmos.auth.v1beta1.Query/Account"
        try:
            packed = (await self.query(method, QueryAccountRequest(address=address), QueryAccountResponse)).account
        except PermanentError as error:
            if error.code == "not_found":
                raise PermanentError("account_unknown", f"{address} has no account yet", address=address) from error
            raise
        account = BaseAccount()
        if not packed.Unpack(account):
            raise PermanentError("chain_answer_invalid", f"an account of type {packed.type_url}")
        return Account(address=address, number=account.account_number, sequence=account.sequence)

    async def query(self, method: str, request: Message, answer: type[Answer], *, height: int = 0) -> Answer:
        """One unary call at a full path; `height` 0 reads the latest."""
        call = self._channel.unary_unary(
            method, request_serializer=type(request).SerializeToString, response_deserializer=answer.FromString
        )
        metadata = (("x-cosmos-block-height", str(height)),) if height else ()
        try:
            reply: Answer = await call(request, timeout=self._timeout_s, metadata=metadata)
        except grpc.aio.AioRpcError as error:
            raise _translate(error, method) from error
        return reply

    async def simulate(self, tx: bytes) -> int:
        """Gas that a TxRaw would use.  Raises the rule code it would fail with."""
        reply = await self.query(f"{_TX}/Simulate", SimulateRequest(tx_bytes=tx), SimulateResponse)
        return int(reply.gas_info.gas_used)

    async def broadcast(self, tx: bytes) -> Receipt:
        """Hand over a TxRaw; returns once the node has checked it."""
        request = BroadcastTxRequest(tx_bytes=tx, mode=BROADCAST_MODE_SYNC)
        reply = (await self.query(f"{_TX}/BroadcastTx", request, BroadcastTxResponse)).tx_response
        tx_hash = hashlib.sha256(tx).hexdigest().upper()
        return Receipt(tx_hash=tx_hash, code=reply.code, rule=name_rule(reply.codespace, reply.code), log=reply.raw_log)

    async def find(self, tx_hash: str) -> TxResult | None:
        """The transaction if it is in a final block."""
        try:
            reply = await self.query(f"{_TX}/GetTx", GetTxRequest(hash=tx_hash), GetTxResponse)
        except PermanentError as error:
            if error.code == "not_found":
                return None
            raise
        return read_result(reply.tx_response)

    async def gas_price(self) -> GasPrice:
        """The node's least gas price; zero where it asks none."""
        reply = await self.query("/cosmos.base.node.v1beta1.Service/Config", ConfigRequest(), ConfigResponse)
        return read_gas_price(reply.minimum_gas_price)


def read_result(response: TxResponse) -> TxResult:
    """The record of a TxResponse from a block."""
    events = tuple(
        Event(kind=event.type, attributes=tuple((item.key, item.value) for item in event.attributes))
        for event in response.events
    )
    return TxResult(
        tx_hash=response.txhash.upper(),
        height=response.height,
        code=response.code,
        rule=name_rule(response.codespace, response.code),
        log=response.raw_log,
        gas_used=response.gas_used,
        events=events,
    )


def name_rule(codespace: str, code: int) -> str:
    """The rule's code for an ABCI code: empty for success, `codespace/number` for one that is not ours."""
    if not code:
        return ""
    return CODES[code] if codespace == CODESPACE and code in CODES else f"{codespace}/{code}"


def read_gas_price(text: str) -> GasPrice:
    """The first price of a list such as 0.025ngonka,1uatom; zero ngonka for an empty one.

    Raises chain_answer_invalid.
    """
    first = text.split(",", maxsplit=1)[0].strip()
    match = _PRICE.fullmatch(first or f"0{DENOM}")
    if match is None:
        raise PermanentError("chain_answer_invalid", f"a gas price of {first!r}")
    price = Fraction(match["amount"])
    return GasPrice(numerator=price.numerator, denominator=price.denominator, denom=match["denom"])


def _translate(error: grpc.aio.AioRpcError, method: str) -> ClientError:
    """The client's error for a failed call: the rule it names, else what its status means."""
    status, details = error.code(), error.details() or ""
    if refusal := read_error(details):
        kind = TransientError if refusal.code in _PASSING else PermanentError
        return kind(refusal.code, refusal.detail)
    if status is StatusCode.UNAVAILABLE:
        return TransientError("chain_unreachable", details)
    if status in {StatusCode.DEADLINE_EXCEEDED, StatusCode.CANCELLED}:
        return TransientError("chain_timed_out", f"{method}: {details}")
    if status is StatusCode.NOT_FOUND:
        return PermanentError("not_found", details)
    if status is StatusCode.INVALID_ARGUMENT:
        return PermanentError("request_invalid", details)
    return PermanentError("chain_answer_invalid", f"{method}: {status.name}: {details}")

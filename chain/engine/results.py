"""What a block came to as CometBFT and the log take it: the bytes of a ResponseFinalizeBlock.

They are put together by hand, as protobuf's Python needs four times as long to make the messages of some ten events a
transaction.  Source: CometBFT 0.38, abci/types.proto; "Protocol Buffers: Encoding".
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import Final

import wire  # noqa: F401  # puts the Cosmos messages on the path
from chain.engine.abci_frames import encode_length
from chain.engine.application import BlockResult, CheckResult, Event, TxResult, ValidatorUpdate

from tendermint.abci import types_pb2 as abci
from tendermint.crypto.keys_pb2 import PublicKey

INDEXED: Final = frozenset({"message.action", "message.sender", "transfer.recipient", "transfer.sender"})
"""Event attributes, as type.key, by which transactions can be found."""

_KEPT_FRAMES: Final = 1 << 10
_FIRST, _SECOND, _EVENTS = b"\x0a", b"\x12", b"\x3a"  # fields 1, 2 and 7, whose values go by their length
_FINALIZED: Final = b"\xaa\x01"  # field 21 of a Response
_INDEX: Final = b"\x18\x01"


def encode_result(result: BlockResult) -> bytes:
    """ResponseFinalizeBlock; only what is INDEXED is marked for CometBFT's index."""
    rest = abci.ResponseFinalizeBlock(
        validator_updates=validator_updates_to_messages(result.validator_updates), app_hash=result.app_hash
    )
    events = [_field(_FIRST, _encode_event(event)) for event in result.events]
    tx_results = [_field(_SECOND, encode_tx_result(tx_result)) for tx_result in result.tx_results]
    return b"".join([*events, *tx_results, rest.SerializeToString()])


def encode_result_answer(encoded: bytes) -> bytes:
    """The Response of FinalizeBlock, from its ResponseFinalizeBlock."""
    return _field(_FINALIZED, encoded)


def encode_check_answer(result: CheckResult) -> bytes:
    """The Response of CheckTx; most of them are the same."""
    if result.code == 0:
        return _encode_passed(result.gas_wanted)
    refused = abci.ResponseCheckTx(code=result.code, codespace=result.codespace, log=result.log)
    return bytes(abci.Response(check_tx=refused).SerializeToString())


@lru_cache(_KEPT_FRAMES)
def _encode_passed(gas_wanted: int) -> bytes:
    return bytes(abci.Response(check_tx=abci.ResponseCheckTx(gas_wanted=gas_wanted)).SerializeToString())


def encode_tx_result(result: TxResult) -> bytes:
    """ExecTxResult."""
    head = abci.ExecTxResult(
        code=result.code, data=result.data, log=result.log, gas_wanted=result.gas_wanted, gas_used=result.gas_used
    )
    events = [_field(_EVENTS, _encode_event(event)) for event in result.events]
    tail = abci.ExecTxResult(codespace=result.codespace).SerializeToString() if result.codespace else b""
    return b"".join([head.SerializeToString(), *events, tail])


def validator_updates_to_messages(updates: Iterable[ValidatorUpdate]) -> list[abci.ValidatorUpdate]:
    """Changes of the validator set, as CometBFT takes them."""
    return [
        abci.ValidatorUpdate(pub_key=PublicKey(ed25519=update.public_key), power=update.power) for update in updates
    ]


def _encode_event(event: Event) -> bytes:
    kind = event.type
    parts = [_field(_FIRST, kind.encode())] if kind else []
    for key, value in event.attributes:
        head, tail, around = _frame(kind, key)
        text = value.encode()
        size = len(text)
        before = _second(size) if size else b""
        parts += (_second(around + len(before) + size), head, before, text, tail)
    return b"".join(parts)


@lru_cache(_KEPT_FRAMES)
def _frame(kind: str, key: str) -> tuple[bytes, bytes, int]:
    """What stands before and after the value in an event's field, its key and whether it is indexed; their bytes."""
    head, tail = _field(_FIRST, key.encode()) if key else b"", _INDEX if f"{kind}.{key}" in INDEXED else b""
    return head, tail, len(head) + len(tail)


@lru_cache(_KEPT_FRAMES)
def _second(size: int) -> bytes:
    return _SECOND + encode_length(size)


def _field(tag: bytes, value: bytes) -> bytes:
    return tag + encode_length(len(value)) + value

"""Blocks, results and transactions in the JSON of CometBFT's RPC.

Source: CometBFT 0.38, RPC and its JSON encoding.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from typing import Any, TypeAlias

import wire  # noqa: F401  # puts the Cosmos messages on the path
from chain.engine.application import BlockResult, CheckResult, Event, TxResult
from chain.engine.blocklog import LoggedBlock
from wire.headers import complete_block, compute_root, prove_leaf
from wire.headers_json import ED25519, write_base64, write_commit, write_header, write_hex, write_id

from tendermint.abci.types_pb2 import ResponseQuery
from tendermint.types.block_pb2 import Block
from tendermint.types.types_pb2 import Commit, Data, SignedHeader

Json: TypeAlias = dict[str, Any]


def write_block(logged: LoggedBlock, signed: SignedHeader, last: SignedHeader | None) -> Json:
    """A block with its id."""
    return {
        "block_id": write_id(signed.commit.block_id),
        "block": {
            "header": write_header(signed.header),
            "data": {"txs": [write_base64(tx) for tx in logged.block.txs]},
            "evidence": {"evidence": []},
            "last_commit": write_commit(last.commit if last else Commit()),
        },
    }


def write_meta(logged: LoggedBlock, signed: SignedHeader, last: SignedHeader | None) -> Json:
    """A block's id, size and header."""
    block = Block(header=signed.header, data=Data(txs=logged.block.txs), last_commit=last.commit if last else None)
    return {
        "block_id": write_id(signed.commit.block_id),
        "block_size": str(complete_block(block).ByteSize()),
        "header": write_header(signed.header),
        "num_txs": str(len(logged.block.txs)),
    }


def write_results(logged: LoggedBlock) -> Json:
    """What a block came to."""
    result = logged.result
    return {
        "height": str(logged.block.height),
        "txs_results": [write_tx_result(one) for one in result.tx_results] or None,
        "finalize_block_events": _write_events(result.events) or None,
        "validator_updates": _write_updates(result) or None,
        "consensus_param_updates": None,
        "app_hash": write_base64(result.app_hash),
    }


def write_finalized(logged: LoggedBlock) -> Json:
    """What a block came to, as the notice of a new block says it."""
    result = logged.result
    return {
        "events": _write_events(result.events),
        "tx_results": [write_tx_result(one) for one in result.tx_results],
        "validator_updates": _write_updates(result) or None,
        "app_hash": write_base64(result.app_hash),
    }


def write_tx_result(result: TxResult) -> Json:
    """What became of a transaction."""
    return {
        "code": result.code,
        "data": write_base64(result.data) if result.data else None,
        "log": result.log,
        "info": "",
        "gas_wanted": str(result.gas_wanted),
        "gas_used": str(result.gas_used),
        "events": _write_events(result.events),
        "codespace": result.codespace,
    }


def write_tx(logged: LoggedBlock, index: int, *, prove: bool) -> Json:
    """A transaction in a block, with the proof that leads to the header's data_hash when asked for."""
    tx = logged.block.txs[index]
    written: Json = {
        "hash": write_hex(sha256(tx).digest()),
        "height": str(logged.block.height),
        "index": index,
        "tx_result": write_tx_result(logged.result.tx_results[index]),
        "tx": write_base64(tx),
    }
    return written | ({"proof": _prove_tx(logged.block.txs, index)} if prove else {})


def _prove_tx(txs: tuple[bytes, ...], index: int) -> Json:
    leaves = [sha256(tx).digest() for tx in txs]
    return {
        "root_hash": write_hex(compute_root(leaves)),
        "data": write_base64(txs[index]),
        "proof": {
            "total": str(len(txs)),
            "index": str(index),
            "leaf_hash": write_base64(compute_root([leaves[index]])),
            "aunts": [write_base64(one) for one in prove_leaf(leaves, index)],
        },
    }


def write_broadcast(tx: bytes, result: CheckResult) -> Json:
    """What became of a transaction that was to wait."""
    return {
        "code": result.code,
        "data": "",
        "log": result.log,
        "codespace": result.codespace,
        "hash": write_hex(sha256(tx).digest()),
    }


def write_check(result: CheckResult) -> Json:
    """A transaction's check."""
    return {
        "code": result.code,
        "data": None,
        "log": result.log,
        "info": "",
        "gas_wanted": str(result.gas_wanted),
        "gas_used": "0",
        "events": [],
        "codespace": result.codespace,
    }


def write_query(response: ResponseQuery) -> Json:
    """The answer to abci_query."""
    ops = [
        {"type": op.type, "key": write_base64(op.key), "data": write_base64(op.data)} for op in response.proof_ops.ops
    ]
    return {
        "code": response.code,
        "log": response.log,
        "info": response.info,
        "index": str(response.index),
        "key": write_base64(response.key) if response.key else None,
        "value": write_base64(response.value) if response.value else None,
        "proofOps": {"ops": ops} if ops else None,
        "height": str(response.height),
        "codespace": response.codespace,
    }


def list_attributes(events: Iterable[Event]) -> dict[str, list[str]]:
    """Values by type.key, in order, as subscriptions are searched and answered."""
    found: dict[str, list[str]] = {}
    for event in events:
        for key, value in event.attributes:
            found.setdefault(f"{event.type}.{key}", []).append(value)
    return found


def _write_events(events: Iterable[Event]) -> list[Json]:
    return [
        {
            "type": event.type,
            "attributes": [{"key": key, "value": value, "index": True} for key, value in event.attributes],
        }
        for event in events
    ]


def _write_updates(result: BlockResult) -> list[Json]:
    return [
        {"pub_key": {"type": ED25519, "value": write_base64(update.public_key)}, "power": str(update.power)}
        for update in result.validator_updates
    ]

"""A block log as text: one JSON object a line, the genesis first, to be replayed on an empty store.

{"genesis": "..."}
{"height": 1, "time_ns": ..., "hash": hex, "app_hash": hex after the block, "proposer": hex, "txs": [base64],
 "votes": [[hex, true if it voted]], "misbehavior": [[hex, height]]}
"""

import json
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator
from typing import Any

from chain.engine.application import Block, BlockResult, Misbehavior, Vote
from chain.engine.blocklog import GENESIS_KEY, LoggedBlock, read_floor, scan_blocks
from chain.store.errors import StoreError
from chain.store.kv import Reader

LARGEST_LINE = 96 << 20
"""Characters: a block of 64 MiB in base64, and then some."""


def encode_log(records: Reader) -> Iterator[str]:
    """The lines of a block log, without line ends; none where there is no block.

    StoreError blocks_forgotten where the log does not begin with block 1.
    """
    genesis = records.get(GENESIS_KEY)
    if genesis is None:
        return
    floor = read_floor(records).height
    if floor:
        raise StoreError("blocks_forgotten", f"block {floor} and those before it")
    yield json.dumps({"genesis": genesis.decode()})
    for logged in scan_blocks(records):
        yield json.dumps(_describe(logged))


def read_log(lines: Iterable[str]) -> tuple[bytes, Iterator[LoggedBlock]]:
    """The genesis file and the blocks, whose results hold nothing but the app hash.

    StoreError block_unreadable, also while the blocks are taken.
    """
    rest = iter(lines)
    first = _parse(next(rest, ""))
    if not isinstance(first.get("genesis"), str):
        raise StoreError("block_unreadable", "the first line is the genesis")
    return first["genesis"].encode(), map(_read, rest)


def _describe(logged: LoggedBlock) -> dict[str, Any]:
    block = logged.block
    return {
        "height": block.height,
        "time_ns": block.time_ns,
        "hash": block.hash.hex(),
        "app_hash": logged.result.app_hash.hex(),
        "proposer": block.proposer.hex(),
        "txs": [b64encode(tx).decode() for tx in block.txs],
        "votes": [[vote.validator.hex(), vote.signed] for vote in block.votes],
        "misbehavior": [[one.validator.hex(), one.height] for one in block.misbehavior],
    }


def _parse(line: str) -> dict[str, Any]:
    try:
        value = json.loads(line[:LARGEST_LINE])
    except (json.JSONDecodeError, RecursionError) as error:
        raise StoreError("block_unreadable", f"{line[:40]!r}: {error}") from error
    if not isinstance(value, dict):
        raise StoreError("block_unreadable", f"{line[:40]!r} is no JSON object")
    return value


def _read(line: str) -> LoggedBlock:
    value = _parse(line)
    try:
        block = Block(
            height=int(value["height"]),
            time_ns=int(value["time_ns"]),
            hash=bytes.fromhex(value["hash"]),
            last_hash=b"",
            proposer=bytes.fromhex(value["proposer"]),
            txs=tuple(b64decode(tx, validate=True) for tx in value["txs"]),
            votes=tuple(Vote(validator=bytes.fromhex(name), signed=bool(signed)) for name, signed in value["votes"]),
            misbehavior=tuple(
                Misbehavior(validator=bytes.fromhex(name), height=int(height)) for name, height in value["misbehavior"]
            ),
        )
        app_hash = bytes.fromhex(value["app_hash"])
    except (KeyError, TypeError, ValueError) as error:
        raise StoreError("block_unreadable", f"{line[:40]!r}: {error}") from error
    return LoggedBlock(
        block=block, result=BlockResult(tx_results=(), events=(), app_hash=app_hash, validator_updates=())
    )

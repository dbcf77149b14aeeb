"""The part of CometBFT's RPC that wallets and light clients use, over the local engine.

Source: CometBFT 0.38, RPC.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final, Protocol, TypeAlias

import wire  # noqa: F401  # puts the Cosmos messages on the path
from chain.api.node import BLOCK_PROTOCOL, COMETBFT_VERSION, P2P_PROTOCOL, VERSION
from chain.api.rpc_json import (
    Json,
    write_block,
    write_broadcast,
    write_check,
    write_meta,
    write_query,
    write_results,
    write_tx,
    write_tx_result,
)
from chain.api.rpc_params import Params
from chain.api.txsearch import Search, parse_query, read_places, take_places
from chain.engine.application import CheckResult
from chain.engine.blocklog import LoggedBlock, find_tx, read_block, read_floor
from chain.engine.headerlog import find_height, read_signed_header
from chain.engine.validator import Validator
from chain.modules.query import Snapshot
from rules.errors import CATALOGUE, RuleError
from wire.errors import CODESPACE
from wire.headers import hash_header
from wire.headers_json import ED25519, write_base64, write_commit, write_header, write_hex, write_time, write_validators

from tendermint.abci.types_pb2 import RequestQuery, ResponseQuery
from tendermint.types.types_pb2 import SignedHeader

COMMIT_TIMEOUT_S: Final = 10
MAX_PAGE: Final = 100
_PAGE: Final = 30
_METAS: Final = 20
_NOWHERE: Final = "tcp://0.0.0.0:0"
"""Where other nodes find this one, which has none; clients want some address."""
_COMMITTERS: Final = 256
"""Calls of broadcast_tx_commit that may wait at once."""

Method: TypeAlias = "Callable[[Params], Awaitable[Json] | Json]"


class Chain(Protocol):
    """What is read, and where transactions go."""

    def snapshot(self, height: int) -> Snapshot:
        """The state committed at `height`, 0 for the latest.  RuleError height_not_kept."""
        ...

    def submit(self, tx: bytes) -> CheckResult | Awaitable[CheckResult]:
        """Let `tx` wait for a block if it passes."""
        ...

    async def wait_above(self, height: int) -> Any:
        """Return once there is a block above `height`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalNode:
    """A chain that the local engine makes: who signs it, its genesis as CometBFT would have it, how it is queried."""

    chain: Chain
    validator: Validator
    genesis: Mapping[str, Any]
    query: Callable[[RequestQuery], Awaitable[ResponseQuery]]


class RpcMethods:
    """The methods by name, each with the names of its parameters in their order."""

    def __init__(self, node: LocalNode) -> None:
        self._node = node
        self._chain = node.chain
        self._committers = asyncio.Semaphore(_COMMITTERS)
        page = ("page", "per_page", "order_by")
        self.table: Mapping[str, tuple[Method, tuple[str, ...]]] = {
            "health": (lambda _: {}, ()),
            "status": (self._status, ()),
            "genesis": (lambda _: {"genesis": self._node.genesis}, ()),
            "net_info": (lambda _: {"listening": True, "listeners": [], "n_peers": "0", "peers": []}, ()),
            "abci_info": (self._abci_info, ()),
            "abci_query": (self._abci_query, ("path", "data", "height", "prove")),
            "broadcast_tx_sync": (self._broadcast, ("tx",)),
            "broadcast_tx_async": (self._broadcast, ("tx",)),
            "broadcast_tx_commit": (self._broadcast_commit, ("tx",)),
            "tx": (self._tx, ("hash", "prove")),
            "tx_search": (self._tx_search, ("query", "prove", *page)),
            "block": (self._block, ("height",)),
            "block_by_hash": (self._block_by_hash, ("hash",)),
            "block_results": (self._block_results, ("height",)),
            "blockchain": (self._blockchain, ("minHeight", "maxHeight")),
            "header": (self._header, ("height",)),
            "commit": (self._commit, ("height",)),
            "validators": (self._validators, ("height", *page[:2])),
            "consensus_params": (self._consensus_params, ("height",)),
        }

    def _status(self, _params: Params) -> Json:
        snapshot = self._chain.snapshot(0)
        first, last = self._signed(snapshot, self._lowest(snapshot)), self._signed(snapshot, snapshot.height)
        validator = self._node.validator
        return {
            "node_info": {
                "protocol_version": {"p2p": str(P2P_PROTOCOL), "block": str(BLOCK_PROTOCOL), "app": "0"},
                "id": validator.address.hex(),
                "listen_addr": _NOWHERE,
                "network": snapshot.chain_id,
                "version": COMETBFT_VERSION,
                "channels": "00",
                "moniker": "gnk",
                "other": {"tx_index": "on", "rpc_address": _NOWHERE},
            },
            "sync_info": _say_sync("latest", last) | _say_sync("earliest", first) | {"catching_up": False},
            "validator_info": {
                "address": write_hex(validator.address),
                "pub_key": {"type": ED25519, "value": write_base64(validator.public_key)},
                "voting_power": str(validator.set[0].voting_power),
            },
        }

    def _abci_info(self, _params: Params) -> Json:
        snapshot = self._chain.snapshot(0)
        app_hash = self._logged(snapshot, snapshot.height).result.app_hash
        return {
            "response": {
                "data": "gnk",
                "version": VERSION,
                "last_block_height": str(snapshot.height),
                "last_block_app_hash": write_base64(app_hash),
            }
        }

    async def _abci_query(self, params: Params) -> Json:
        request = RequestQuery(
            path=params.read_text("path"),
            data=params.read_bytes("data", hexadecimal=True),
            height=params.read_int("height"),
            prove=params.read_bool("prove"),
        )
        return {"response": write_query(await self._node.query(request))}

    async def _broadcast(self, params: Params) -> Json:
        tx = params.read_bytes("tx")
        return write_broadcast(tx, await self._submit(tx))

    async def _broadcast_commit(self, params: Params) -> Json:
        tx = params.read_bytes("tx")
        if self._committers.locked():
            raise RuleError("mempool_full", f"{_COMMITTERS} calls wait for a block")
        async with self._committers:
            checked = await self._submit(tx)
            answer: Json = {"check_tx": write_check(checked), "hash": write_hex(sha256(tx).digest())}
            if checked.code:
                return answer | {"tx_result": write_check(_NO_RESULT), "height": "0"}
            async with asyncio.timeout(COMMIT_TIMEOUT_S):
                logged, index = await self._wait_for(tx)
        return answer | {
            "tx_result": write_tx_result(logged.result.tx_results[index]),
            "height": str(logged.block.height),
        }

    async def _submit(self, tx: bytes) -> CheckResult:
        place = find_tx(self._chain.snapshot(0).records, sha256(tx).digest())
        if place is not None:
            fault = RuleError("tx_duplicate", f"in block {place[0]}")
            number = CATALOGUE["tx_duplicate"].number
            return CheckResult(code=number, codespace=CODESPACE, log=str(fault), gas_wanted=0, duty=False)
        result = self._chain.submit(tx)
        return await result if isinstance(result, Awaitable) else result

    async def _wait_for(self, tx: bytes) -> tuple[LoggedBlock, int]:
        while True:
            snapshot = self._chain.snapshot(0)
            place = find_tx(snapshot.records, sha256(tx).digest())
            if place is not None:
                return self._logged(snapshot, place[0]), place[1]
            await self._chain.wait_above(snapshot.height)

    def _tx(self, params: Params) -> Json:
        snapshot = self._chain.snapshot(0)
        tx_hash = params.read_bytes("hash")
        place = find_tx(snapshot.records, tx_hash)
        if place is None:
            raise RuleError("not_found", f"tx ({write_hex(tx_hash[:32])}) not found")
        return write_tx(self._logged(snapshot, place[0]), place[1], prove=params.read_bool("prove"))

    async def _tx_search(self, params: Params) -> Json:
        snapshot = self._chain.snapshot(0)
        found = Search(conditions=parse_query(params.read_text("query")), height=snapshot.height)
        size, page = _read_page(params)
        places, total = take_places(
            snapshot.records,
            found,
            start=(page - 1) * size,
            limit=size,
            newest=params.read_text("order_by") == "desc",
        )
        _check_page(page, size, total)
        prove = params.read_bool("prove")
        txs = []
        for logged, index in read_places(snapshot.records, places):
            txs.append(write_tx(logged, index, prove=prove))
            await asyncio.sleep(0)  # a block may be long, and others wait
        return {"txs": txs, "total_count": str(total)}

    def _block(self, params: Params) -> Json:
        snapshot, height = self._locate(params)
        return self._write_block(snapshot, height)

    def _block_by_hash(self, params: Params) -> Json:
        wanted, snapshot = params.read_bytes("hash"), self._chain.snapshot(0)
        height = find_height(snapshot.records, wanted)
        if height is None:
            return {"block_id": {"hash": "", "parts": {"total": 0, "hash": ""}}, "block": None}
        return self._write_block(snapshot, height)

    def _write_block(self, snapshot: Snapshot, height: int) -> Json:
        last = read_signed_header(snapshot.records, height - 1)
        return write_block(self._logged(snapshot, height), self._signed(snapshot, height), last)

    def _block_results(self, params: Params) -> Json:
        snapshot, height = self._locate(params)
        return write_results(self._logged(snapshot, height))

    def _blockchain(self, params: Params) -> Json:
        snapshot = self._chain.snapshot(0)
        highest = min(params.read_int("maxHeight") or snapshot.height, snapshot.height)
        lowest = max(params.read_int("minHeight"), self._lowest(snapshot), highest - _METAS + 1)
        metas = [
            write_meta(
                self._logged(snapshot, height),
                self._signed(snapshot, height),
                read_signed_header(snapshot.records, height - 1),
            )
            for height in range(highest, lowest - 1, -1)
        ]
        return {"last_height": str(snapshot.height), "block_metas": metas}

    def _header(self, params: Params) -> Json:
        return {"header": write_header(self._signed(*self._locate(params)).header)}

    def _commit(self, params: Params) -> Json:
        signed = self._signed(*self._locate(params))
        return {
            "signed_header": {"header": write_header(signed.header), "commit": write_commit(signed.commit)},
            "canonical": True,
        }

    def _validators(self, params: Params) -> Json:
        _, height = self._locate(params)
        size, page = _read_page(params)
        everybody = self._node.validator.set
        _check_page(page, size, len(everybody))
        found = everybody[(page - 1) * size : page * size]
        return {
            "block_height": str(height),
            "validators": write_validators(found),
            "count": str(len(found)),
            "total": str(len(everybody)),
        }

    def _consensus_params(self, params: Params) -> Json:
        _, height = self._locate(params)
        return {"block_height": str(height), "consensus_params": self._node.genesis["consensus_params"]}

    def _locate(self, params: Params) -> tuple[Snapshot, int]:
        """The latest snapshot and the height asked for, the latest where none is."""
        snapshot = self._chain.snapshot(0)
        return snapshot, params.read_int("height") or snapshot.height

    def _lowest(self, snapshot: Snapshot) -> int:
        return read_floor(snapshot.records).height + 1

    def _logged(self, snapshot: Snapshot, height: int) -> LoggedBlock:
        logged = read_block(snapshot.records, height) if 0 < height <= snapshot.height else None
        if logged is None:
            raise RuleError("not_found", f"height {height} must be from {self._lowest(snapshot)} to {snapshot.height}")
        return logged

    def _signed(self, snapshot: Snapshot, height: int) -> SignedHeader:
        signed = read_signed_header(snapshot.records, height) if 0 < height <= snapshot.height else None
        if signed is None:
            raise RuleError("not_found", f"height {height} must be from {self._lowest(snapshot)} to {snapshot.height}")
        return signed


_NO_RESULT: Final = CheckResult(code=0, codespace="", log="", gas_wanted=0, duty=False)


def _say_sync(which: str, signed: SignedHeader) -> Json:
    return {
        f"{which}_block_hash": write_hex(hash_header(signed.header)),
        f"{which}_app_hash": write_hex(signed.header.app_hash),
        f"{which}_block_height": str(signed.header.height),
        f"{which}_block_time": write_time(signed.header.time),
    }


def _read_page(params: Params) -> tuple[int, int]:
    """How many a page holds, and which one is asked for, counted from 1.  RuleError request_invalid."""
    size, page = min(max(params.read_int("per_page", _PAGE), 1), MAX_PAGE), params.read_int("page", 1)
    if page < 1:
        raise RuleError("request_invalid", f"pages are counted from 1, given {page}")
    return size, page


def _check_page(page: int, size: int, total: int) -> None:
    """RuleError request_invalid: there is no such page."""
    pages = max(1, -(-total // size))
    if page > pages:
        raise RuleError("request_invalid", f"page should be within [1, {pages}] range, given {page}")

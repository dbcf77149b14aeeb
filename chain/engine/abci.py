"""CometBFT's engine: answers its ABCI 2.0 requests with the state machine, and commits the blocks it decides.

Only Commit writes; FinalizeBlock may come again, for the same block or another.  Source: CometBFT 0.38, "ABCI 2.0".
"""

import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace
from hashlib import sha256
from typing import Any, Final, TypeAlias

import structlog

import wire  # noqa: F401  # puts the Cosmos messages on the path
from chain.engine.abci_frames import MAX_FRAME_BYTES, FrameError
from chain.engine.abci_snapshots import SnapshotCalls
from chain.engine.application import Application, Block, BlockResult
from chain.engine.blocklog import (
    LoggedBlock,
    block_of_message,
    misbehavior_of_messages,
    time_of_message,
    votes_of_messages,
)
from chain.engine.mempool import LaneLimits, OpenLane
from chain.engine.results import (
    encode_check_answer,
    encode_result,
    encode_result_answer,
    validator_updates_to_messages,
)
from chain.engine.snapshots import Shelf
from chain.engine.tip import Tip
from rules.errors import RuleError

from tendermint.abci import types_pb2 as abci

GENESIS_KEY: Final = "genesis_sha256"
"""What app_state of CometBFT's genesis holds: SHA-256 in hex of our genesis file, which every node has itself."""
_TX_OVERHEAD: Final = 6
"""Bytes that CometBFT counts for a transaction in a block beside its own."""

MAX_RESULT_BYTES: Final = MAX_FRAME_BYTES - (1 << 10)
"""Of what a block comes to, so that it fits into a frame, which CometBFT would not read if it were longer."""

OPEN_LANE: Final = LaneLimits(max_txs=10_000, max_bytes=32 << 20)
"""Half of the mempool that CometBFT is given, which knows no lanes: what pays for its place leaves duties the rest."""

log = structlog.get_logger("chain")

AnswerQuery: TypeAlias = Callable[[abci.RequestQuery], Awaitable[abci.ResponseQuery]]


class AbciEngine:
    """One request at a time, whatever the connection.  `genesis` is the genesis file, `version` this program's."""

    def __init__(
        self, *, app: Application, tip: Tip, shelf: Shelf, genesis: bytes, version: str, query: AnswerQuery
    ) -> None:
        self._app = app
        self._tip = tip
        self._genesis = genesis
        self._shelf = shelf
        self._version = version
        self._query = query
        self._finalised: LoggedBlock | None = None
        self._open_lane = OpenLane(OPEN_LANE)
        snapshots = SnapshotCalls(shelf, tip)
        self._methods: Mapping[str, Callable[[Any], Any]] = {
            "echo": lambda request: abci.ResponseEcho(message=request.message),
            "flush": lambda _: abci.ResponseFlush(),
            "info": self._info,
            "init_chain": self._init_chain,
            "prepare_proposal": self._prepare_proposal,
            "process_proposal": self._process_proposal,
            "extend_vote": self._extend_vote,
            "verify_vote_extension": self._verify_vote_extension,
            "commit": self._commit,
            "list_snapshots": snapshots.list,
            "offer_snapshot": snapshots.offer,
            "load_snapshot_chunk": snapshots.load_chunk,
            "apply_snapshot_chunk": snapshots.apply_chunk,
        }

    async def answer(self, request: abci.Request) -> bytes:
        """The response to a request: the bytes of a Response.

        FrameError for a request of no kind; RuleError genesis_invalid and StoreError stop the node.
        """
        kind = request.WhichOneof("value")
        if kind is None:
            raise FrameError("a request of no kind")
        if kind == "query":
            return bytes(abci.Response(query=await self._query(request.query)).SerializeToString())
        if kind == "finalize_block":
            return self._finalize_block(request.finalize_block)
        if kind == "check_tx":
            return self._check_tx(request.check_tx)
        return bytes(abci.Response(**{kind: self._methods[kind](getattr(request, kind))}).SerializeToString())

    def _info(self, _request: abci.RequestInfo) -> abci.ResponseInfo:
        info = self._app.info()
        return abci.ResponseInfo(
            data="gnk", version=self._version, last_block_height=info.height, last_block_app_hash=info.app_hash
        )

    def _init_chain(self, request: abci.RequestInitChain) -> abci.ResponseInitChain:
        if not _is_about(request.app_state_bytes, self._genesis) or request.initial_height > 1:
            raise RuleError("genesis_invalid", "CometBFT's genesis.json belongs to another genesis file")
        validators = self._app.init_chain(self._genesis)
        if not validators:
            raise RuleError("genesis_invalid", "no founding host has a consensus key, so nobody could sign a block")
        return abci.ResponseInitChain(
            validators=validator_updates_to_messages(validators), app_hash=self._app.info().app_hash
        )

    def _check_tx(self, request: abci.RequestCheckTx) -> bytes:
        result = self._app.check_tx(request.tx, request.type == abci.RECHECK)
        return encode_check_answer(self._open_lane.admit(request.tx, result))

    def _prepare_proposal(self, request: abci.RequestPrepareProposal) -> abci.ResponsePrepareProposal:
        last = request.local_last_commit.votes
        first = self._app.combine_extensions({vote.validator.address: vote.vote_extension for vote in last})
        room = request.max_tx_bytes - sum(map(len, first)) - _TX_OVERHEAD * (len(first) + len(request.txs))
        txs = first + self._app.prepare_proposal(tuple(request.txs), room)
        return abci.ResponsePrepareProposal(txs=self._app.select_valid(self._propose(request, txs, last)))

    def _process_proposal(self, request: abci.RequestProcessProposal) -> abci.ResponseProcessProposal:
        response = abci.ResponseProcessProposal
        block = self._propose(request, tuple(request.txs), request.proposed_last_commit.votes)
        return response(status=response.ACCEPT if self._app.process_proposal(block) else response.REJECT)

    def _propose(self, request: Any, txs: tuple[bytes, ...], last_votes: Iterable[Any]) -> Block:
        """The block of a proposal.  Its own hash is left out: there is none yet while it is prepared."""
        return Block(
            height=request.height,
            time_ns=time_of_message(request.time),
            hash=b"",
            last_hash=self._tip.last_hash,
            proposer=request.proposer_address,
            txs=txs,
            votes=votes_of_messages(last_votes),
            misbehavior=misbehavior_of_messages(request.misbehavior),
        )

    def _extend_vote(self, request: abci.RequestExtendVote) -> abci.ResponseExtendVote:
        self._check_next(request.height)
        return abci.ResponseExtendVote(vote_extension=self._app.extend_vote(request.hash))

    def _verify_vote_extension(self, request: abci.RequestVerifyVoteExtension) -> abci.ResponseVerifyVoteExtension:
        self._check_next(request.height)
        response = abci.ResponseVerifyVoteExtension
        good = self._app.is_extension_good(request.hash, request.validator_address, request.vote_extension)
        return response(status=response.ACCEPT if good else response.REJECT)

    def _check_next(self, height: int) -> None:
        if height != self._tip.height + 1:
            raise AssertionError(f"CometBFT votes for block {height} after block {self._tip.height}")

    def _finalize_block(self, request: abci.RequestFinalizeBlock) -> bytes:
        if request.height != self._tip.height + 1:
            raise AssertionError(f"CometBFT finalises block {request.height} after block {self._tip.height}")
        block = block_of_message(request, self._tip.last_hash)
        result, encoded = encode_fitting(self._app.finalize_block(block), MAX_RESULT_BYTES)
        self._finalised = LoggedBlock(block=block, result=result, encoded=encoded)
        return encode_result_answer(encoded)

    def _commit(self, _request: abci.RequestCommit) -> abci.ResponseCommit:
        if self._finalised is None:
            raise AssertionError("CometBFT commits before it finalises")
        self._tip.commit(self._finalised)
        self._finalised = None
        self._open_lane.clear()
        self._tip.publish()
        self._shelf.note_block()
        return abci.ResponseCommit(retain_height=self._tip.retain_height)


def encode_fitting(result: BlockResult, max_bytes: int) -> tuple[BlockResult, bytes]:
    """What a block came to, and its bytes; without the events of its beginning and end where they would be too long.

    No hash covers events.  A frame that CometBFT does not read would end every node, at the same block again and again.
    """
    encoded = encode_result(result)
    if len(encoded) <= max_bytes:
        return result, encoded
    log.warning("events_dropped", events=len(result.events), bytes=len(encoded))
    silent = replace(result, events=())
    return silent, encode_result(silent)


def describe_app_state(genesis: bytes) -> dict[str, str]:
    """What CometBFT's genesis holds for us."""
    return {GENESIS_KEY: sha256(genesis).hexdigest()}


def _is_about(app_state: bytes, genesis: bytes) -> bool:
    """Whether CometBFT's genesis, JSON in whatever layout, was made from ours."""
    try:
        return bool(json.loads(app_state) == describe_app_state(genesis))
    except ValueError:
        return False

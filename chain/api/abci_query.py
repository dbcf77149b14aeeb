"""ABCI's Query: the registry's methods by path, and the state itself by key, with a proof.

/cosmos.bank.v1beta1.Query/Balance   the request's bytes in, the response's out
/key                                 a key of the state in; its value, and a CommitmentProof of ICS-23, out

Height 0 is the latest.  The app hash of height h, which a proof leads to, stands in the header of block h + 1.
"""

from typing import Final, Protocol

import structlog

import wire  # noqa: F401  # puts the Cosmos messages on the path
from chain.api.registry import Registry
from chain.modules.query import Snapshot
from chain.store.errors import StoreError
from chain.store.proofs import prove
from chain.store.store import Store, View
from rules.errors import RuleError
from wire.errors import CODESPACE

from tendermint.abci import types_pb2 as abci
from tendermint.crypto.proof_pb2 import ProofOp, ProofOps

KEY_PATH: Final = "/key"
PROOF_TYPE: Final = "ics23:smt"
log = structlog.get_logger(__name__)

_BROADCAST_PATH: Final = "/cosmos.tx.v1beta1.Service/BroadcastTx"  # a query changes nothing


class Chain(Protocol):
    """What is read."""

    def snapshot(self, height: int) -> Snapshot:
        """The state committed at `height`, 0 for the latest.  RuleError height_not_kept."""
        ...


class AbciQuery:
    """Answers by `registry` from `chain`, and by key from `store`."""

    def __init__(self, registry: Registry, chain: Chain, store: Store) -> None:
        self._registry = registry
        self._chain = chain
        self._store = store

    async def answer(self, request: abci.RequestQuery) -> abci.ResponseQuery:
        """The response; what is refused has a code and a log."""
        try:
            if request.path == KEY_PATH:
                return self._read(request)
            return await self._ask(request)
        except RuleError as error:
            refusal = error
        except Exception:  # CometBFT's RPC hands on what anybody asks: one bad handler must not take the node down
            log.exception("query_failed", path=request.path[:100])
            refusal = RuleError("internal")
        return abci.ResponseQuery(
            code=refusal.fault.number, codespace=CODESPACE, log=str(refusal), height=max(request.height, 0)
        )

    async def _ask(self, request: abci.RequestQuery) -> abci.ResponseQuery:
        method = self._registry.find(request.path)
        if method is None or request.path == _BROADCAST_PATH:
            raise RuleError("not_found", f"no query {request.path[:100]!r}")
        if request.prove:
            raise RuleError("request_invalid", f"only {KEY_PATH} can be proved")
        snapshot = self._chain.snapshot(request.height)
        return abci.ResponseQuery(value=await method.serve(request.data, snapshot), height=snapshot.height)

    def _read(self, request: abci.RequestQuery) -> abci.ResponseQuery:
        view = self._view(request.height)
        response = abci.ResponseQuery(key=request.data, value=view.get(request.data), height=view.height)
        if request.prove:
            try:
                proof = ProofOp(type=PROOF_TYPE, key=request.data, data=prove(view, request.data))
            except StoreError as error:
                raise RuleError("height_not_kept", str(error)) from error
            response.proof_ops.CopyFrom(ProofOps(ops=[proof]))
        return response

    def _view(self, height: int) -> View:
        try:
            return self._store.at(height or self._store.height)
        except StoreError as error:
            raise RuleError("height_not_kept", error.detail, height=height) from error

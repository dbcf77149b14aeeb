"""ABCI's four snapshot calls: what this node lends to others, and the state that it takes from them when it is new.

Source: CometBFT 0.38, "ABCI 2.0", state sync.
"""

from __future__ import annotations

from typing import Final

import structlog

import wire  # noqa: F401  # puts the Cosmos messages on the path
from chain.engine.snapshots import Restoration, Shelf
from chain.engine.tip import Tip
from chain.store.errors import StoreError
from chain.store.snapshots import FORMAT

from tendermint.abci import types_pb2 as abci

_OFFER: Final = abci.ResponseOfferSnapshot
_APPLY: Final = abci.ResponseApplySnapshotChunk

log = structlog.get_logger("chain")


class SnapshotCalls:
    """One restoration at a time; a new offer ends the one before."""

    def __init__(self, shelf: Shelf, tip: Tip) -> None:
        self._shelf = shelf
        self._tip = tip
        self._restoration: Restoration | None = None

    def list(self, _request: abci.RequestListSnapshots) -> abci.ResponseListSnapshots:
        """The snapshots on the shelf."""
        return abci.ResponseListSnapshots(
            snapshots=[
                abci.Snapshot(
                    height=snapshot.height,
                    format=FORMAT,
                    chunks=len(snapshot.chunk_hashes),
                    hash=snapshot.hash,
                    metadata=snapshot.metadata,
                )
                for snapshot in self._shelf.list()
            ]
        )

    def load_chunk(self, request: abci.RequestLoadSnapshotChunk) -> abci.ResponseLoadSnapshotChunk:
        """A chunk, empty where it is not here."""
        return abci.ResponseLoadSnapshotChunk(chunk=self._shelf.read_chunk(request.height, request.chunk))

    def offer(self, request: abci.RequestOfferSnapshot) -> abci.ResponseOfferSnapshot:
        """Take a snapshot on whose description agrees with itself, on a store that is empty."""
        offered = request.snapshot
        if self._tip.height:
            return _OFFER(result=_OFFER.ABORT)
        try:
            restoration = Restoration.begin(
                height=offered.height, form=offered.format, metadata=offered.metadata, app_hash=request.app_hash
            )
        except StoreError as error:
            log.warning("snapshot_refused", height=offered.height, reason=str(error))
            return _OFFER(result=_OFFER.REJECT)
        if restoration.snapshot.hash != offered.hash or len(restoration.snapshot.chunk_hashes) != offered.chunks:
            log.warning("snapshot_refused", height=offered.height, reason="its hash or its count of chunks")
            return _OFFER(result=_OFFER.REJECT)
        self._restoration = restoration
        return _OFFER(result=_OFFER.ACCEPT)

    def apply_chunk(self, request: abci.RequestApplySnapshotChunk) -> abci.ResponseApplySnapshotChunk:
        """Keep a chunk; with the last one the state is complete, and either comes to the app hash or is dropped."""
        restoration = self._restoration
        if restoration is None:
            return _APPLY(result=_APPLY.ABORT)
        try:
            restoration.take(request.index, request.chunk)
        except StoreError as error:
            log.warning("snapshot_chunk_refused", chunk=request.index, sender=request.sender, reason=str(error))
            senders = [request.sender] if request.sender else []
            return _APPLY(result=_APPLY.RETRY, refetch_chunks=[request.index], reject_senders=senders)
        if restoration.is_whole:
            return self._finish(restoration)
        return _APPLY(result=_APPLY.ACCEPT)

    def _finish(self, restoration: Restoration) -> abci.ResponseApplySnapshotChunk:
        self._restoration = None
        try:
            restoration.finish(self._tip)
        except StoreError as error:
            if error.code != "snapshot_mismatch":
                raise
            log.warning("snapshot_refused", height=restoration.snapshot.height, reason=str(error))
            return _APPLY(result=_APPLY.REJECT_SNAPSHOT)
        log.info("snapshot_adopted", height=restoration.snapshot.height)
        return _APPLY(result=_APPLY.ACCEPT)

"""A state machine behind ABCI with one validator, as a program of its own too; and who talks to it as CometBFT does.

`python -m tests.chain.engine.abci_node HOME SOCKET` serves the chain in HOME/data until it is killed.
"""

import asyncio
import json
import sys
import tempfile
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from chain.api.abci_query import AbciQuery
from chain.api.local_chain import LocalChain
from chain.api.methods import build_registry
from chain.app import App
from chain.engine.abci import AbciEngine, describe_app_state
from chain.engine.abci_frames import encode_frame, read_frames
from chain.engine.abci_server import listening
from chain.engine.application import CheckResult
from chain.engine.snapshots import Shelf
from chain.engine.tip import Tip
from chain.genesis import build_genesis
from chain.modules.beacon.threshold.voting import Signer
from chain.modules.upgrade.migrating import Upgrades
from chain.store.store import Store
from rules.params import Params
from rules.presets import GENESIS_UNITS, MINIMAL
from rules.seeds import consensus_key_message
from tests.chain.ledger import ANN, BALANCE, BOB, CAT, CHAIN_ID, DAN, SUBSIDY, TIME_MS, Person
from wire.gonka.params.v1.genesis_pb2 import GenesisHost

from tendermint.abci import types_pb2 as abci

TIMEOUT_S = 20


def consensus_key(person: Person) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(sha256(b"consensus" + person.secret).digest())


def consensus_pubkey(person: Person) -> bytes:
    return consensus_key(person).public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def make_founder(person: Person) -> GenesisHost:
    return GenesisHost(
        address=person.text,
        units=GENESIS_UNITS,
        consensus_pubkey=consensus_pubkey(person),
        consensus_signature=consensus_key(person).sign(consensus_key_message(CHAIN_ID, person.address)),
    )


def make_validator_genesis(validators: tuple[Person, ...] = (ANN,), params: Params = MINIMAL) -> bytes:
    others = [
        GenesisHost(address=person.text, units=GENESIS_UNITS) for person in (ANN, BOB) if person not in validators
    ]
    return build_genesis(
        chain_id=CHAIN_ID,
        time_ms=TIME_MS,
        params=params,
        balances={person.address: BALANCE for person in (ANN, BOB, CAT, DAN)},
        hosts=[make_founder(person) for person in validators] + others,
        subsidy_ngonka=SUBSIDY,
    )


@dataclass
class Pool:
    """The tip as an engine; what is broadcast waits in CometBFT, which is not there."""

    tip: Tip

    def __getattr__(self, name: str) -> object:
        return getattr(self.tip, name)

    def submit(self, tx: bytes) -> CheckResult:
        raise AssertionError("nobody broadcasts here")


def open_abci(
    store: Store,
    genesis: bytes,
    *,
    home: Path | None = None,
    keep_blocks: int = 0,
    signer: Signer | None = None,
    upgrades: Upgrades | None = None,
) -> AbciEngine:
    """With a snapshot every 10 blocks, on a shelf in `home`."""
    app = App.open(store, signer, upgrades)
    tip = Tip.open(app, store, genesis, keep_blocks=keep_blocks)
    chain = LocalChain(app=app, engine=Pool(tip), store=store, chain_id=CHAIN_ID)
    query = AbciQuery(build_registry(chain), chain, store)
    folder = home or Path(tempfile.mkdtemp())
    shelf = Shelf.open(folder / "snapshots", store, interval=10 if home else 0)
    return AbciEngine(app=app, tip=tip, shelf=shelf, genesis=genesis, version="1", query=query.answer)


async def ask_engine(engine: AbciEngine, request: abci.Request) -> abci.Response:
    return abci.Response.FromString(await engine.answer(request))


class Peer:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self._batches = read_frames(reader)
        self._frames: list[bytes] = []

    @classmethod
    @asynccontextmanager
    async def connect(cls, path: Path) -> AsyncIterator["Peer"]:
        peer = cls(*await asyncio.open_unix_connection(path))
        try:
            yield peer
        finally:
            peer.writer.transport.abort()

    def send(self, *requests: abci.Request) -> None:
        self.writer.write(b"".join([encode_frame(request.SerializeToString()) for request in requests]))

    async def read(self) -> abci.Response | None:
        if not self._frames:
            async with asyncio.timeout(TIMEOUT_S):
                self._frames = (await anext(self._batches, []))[::-1]
        return abci.Response.FromString(self._frames.pop()) if self._frames else None

    async def ask(self, request: abci.Request) -> abci.Response:
        self.send(request, FLUSH)
        response = await self.read()
        assert response is not None, f"no answer to {request.WhichOneof('value')}"
        flushed = await self.read()
        assert flushed is not None
        assert flushed.WhichOneof("value") == "flush"
        return response


FLUSH = abci.Request(flush=abci.RequestFlush())
INFO = abci.Request(info=abci.RequestInfo())
COMMIT = abci.Request(commit=abci.RequestCommit())


def init_chain(genesis: bytes) -> abci.Request:
    state = json.dumps(describe_app_state(genesis), indent=4).encode()
    return abci.Request(init_chain=abci.RequestInitChain(chain_id=CHAIN_ID, initial_height=1, app_state_bytes=state))


def finalize(height: int, txs: Iterable[bytes] = (), *, salt: bytes = b"") -> abci.Request:
    """A block as CometBFT decides it; `salt` makes it another block of the same height."""
    txs = list(txs)
    request = abci.RequestFinalizeBlock(
        height=height, txs=txs, proposer_address=bytes(20), hash=sha256(b"%d" % height + salt + b"".join(txs)).digest()
    )
    request.time.FromMilliseconds(TIME_MS + 100 * height)
    return abci.Request(finalize_block=request)


def check(tx: bytes, *, recheck: bool = False) -> abci.Request:
    return abci.Request(check_tx=abci.RequestCheckTx(tx=tx, type=abci.RECHECK if recheck else abci.NEW))


async def main(home: Path, socket: Path) -> None:
    store = Store.open(home / "data")
    engine = open_abci(store, (home / "genesis.json").read_bytes())
    async with listening(socket, engine.answer):
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2])))

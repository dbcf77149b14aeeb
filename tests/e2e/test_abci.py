"""ABCI over a real socket, called at random; the process is killed with a call under way, and hashes otherwise then."""

import asyncio
import os
import random
import sys
from asyncio.subprocess import Process
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import pytest

from tests.chain.engine.abci_grammar import Grammar
from tests.chain.engine.abci_node import FLUSH, Peer, make_validator_genesis
from tests.chain.engine.test_abci import replay
from tests.chain.ledger import ANN, BOB

from tendermint.abci import types_pb2 as abci

ROOT = Path(__file__).parents[2]
HEIGHTS = 40
START_TIMEOUT_S = 30
CONNECTIONS = ("consensus", "mempool", "query", "snapshot")
CONNECTION_OF = {"check_tx": "mempool", "query": "query", "info": "query", "echo": "snapshot", "flush": "snapshot"}


class Program:
    """tests.chain.engine.abci_node in a process of its own, with CometBFT's four connections to it."""

    def __init__(self, home: Path, chance: random.Random) -> None:
        self.home = home
        self.chance = chance
        self.stack = AsyncExitStack()
        self.process: Process
        self.peers: dict[str, Peer] = {}

    async def restart(self) -> None:
        socket = self.home / "abci"
        socket.unlink(missing_ok=True)
        environ = {**os.environ, "PYTHONHASHSEED": str(self.chance.randrange(2**32))}
        words = ("-m", "tests.chain.engine.abci_node", str(self.home), str(socket))
        self.process = await asyncio.create_subprocess_exec(sys.executable, *words, cwd=ROOT, env=environ)
        async with asyncio.timeout(START_TIMEOUT_S):
            while len(self.peers) < len(CONNECTIONS):
                assert self.process.returncode is None
                with suppress(FileNotFoundError, ConnectionRefusedError):
                    name = CONNECTIONS[len(self.peers)]
                    self.peers[name] = await self.stack.enter_async_context(Peer.connect(socket))
                await asyncio.sleep(0.01)

    def peer(self, request: abci.Request) -> Peer:
        return self.peers[CONNECTION_OF.get(str(request.WhichOneof("value")), "consensus")]

    async def ask(self, request: abci.Request) -> abci.Response:
        return await self.peer(request).ask(request)

    async def kill(self, during: abci.Request) -> None:
        self.peer(during).send(during, FLUSH)
        await asyncio.sleep(self.chance.choice([0, 0.0005, 0.002, 0.01]))
        self.process.kill()
        await self.process.wait()
        await self.stack.aclose()
        self.peers.clear()


@pytest.mark.e2e
@pytest.mark.timeout(300)
def test_a_node_killed_at_any_call_has_one_app_hash_for_each_height(tmp_path: Path) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    genesis = make_validator_genesis((ANN, BOB))
    (tmp_path / "genesis.json").write_bytes(genesis)
    kills = int(os.environ.get("GNK_E2E_KILLS", "20"))

    async def run() -> Grammar:
        program = Program(tmp_path, chance)
        grammar = Grammar(node=program, genesis=genesis, chance=chance, kills_in_1000=20)
        await program.restart()
        try:
            while grammar.kills < kills or grammar.committed < HEIGHTS:
                await grammar.run(grammar.committed + 1)
        finally:
            await program.kill(FLUSH)
        return grammar

    grammar = asyncio.run(run())
    print(f"{grammar.calls} calls, {grammar.kills} kills, {grammar.committed} heights")
    assert replay(grammar.blocks(), genesis) == grammar.hashes

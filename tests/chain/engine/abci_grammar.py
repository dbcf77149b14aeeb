"""Calls in the order that CometBFT's grammar allows, at random, with the node killed between any two of them.

    start     info, init_chain where there is nothing yet, then the decided blocks that the node has not committed
    height    rounds of prepare_proposal, process_proposal, extend_vote, verify_vote_extension; finalize_block, commit
    between   check_tx, query, echo

Whatever happens, a height has one app hash, and the node never stands below what it committed.
Source: CometBFT 0.38, "Requirements for the application", the grammar of ABCI 2.0.
"""

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

from chain.engine.application import BlockResult
from chain.engine.blocklog import LoggedBlock, block_of_message
from chain.modules.bank.coins import make_coin
from rules.params import GNK
from tests.chain.engine.abci_node import COMMIT, FLUSH, INFO, check, finalize, init_chain
from tests.chain.ledger import ANN, BOB, CAT, DAN, Draft, Person, encode
from wire.gonka.stake.v1.tx_pb2 import MsgStake

from cosmos.auth.v1beta1.auth_pb2 import BaseAccount
from cosmos.auth.v1beta1.query_pb2 import QueryAccountRequest, QueryAccountResponse
from cosmos.bank.v1beta1.tx_pb2 import MsgSend
from tendermint.abci import types_pb2 as abci

PEOPLE = (ANN, BOB, CAT, DAN)


class NodeKilledError(Exception):
    """The node is gone."""


class Node(Protocol):
    """What is driven."""

    async def ask(self, request: abci.Request) -> abci.Response:
        """The answer."""

    async def kill(self, during: abci.Request) -> None:
        """End it, with `during` under way or not even sent."""

    async def restart(self) -> None:
        """Start it again on the same home."""


@dataclass
class Grammar:
    """CometBFT, as far as the node can tell."""

    node: Node
    genesis: bytes
    chance: random.Random
    kills_in_1000: int
    decided: list[abci.Request] = field(default_factory=list)
    hashes: dict[int, bytes] = field(default_factory=dict)
    mempool: list[bytes] = field(default_factory=list)
    committed: int = 0
    kills: int = 0
    calls: int = 0

    async def run(self, heights: int) -> None:
        await self._survive(self._start)
        while self.committed < heights:
            await self._survive(self._height)

    async def _survive(self, act: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await act()
            except NodeKilledError:
                await self.node.restart()
                act = self._start
            else:
                return

    async def _ask(self, request: abci.Request) -> abci.Response:
        self.calls += 1
        if self.chance.randrange(1000) < self.kills_in_1000:
            self.kills += 1
            await self.node.kill(during=request)
            raise NodeKilledError
        return await self.node.ask(request)

    async def _start(self) -> None:
        info = (await self._ask(INFO)).info
        assert info.last_block_height in {self.committed, self.committed + 1}, "a committed block is lost"
        self.committed = info.last_block_height
        if self.committed:
            assert info.last_block_app_hash == self.hashes[self.committed]
        else:
            assert (await self._ask(init_chain(self.genesis))).init_chain.validators
        while self.committed < len(self.decided):
            await self._finish()

    async def _height(self) -> None:
        height = len(self.decided) + 1
        txs: list[bytes] = []
        for _ in range(self.chance.randrange(1, 4)):
            await self._gossip()
            txs = await self._round(height)
        self.decided.append(finalize(height, txs))
        if self.chance.random() < 0.2:
            await self._ask(finalize(height, txs[1:], salt=b"never decided"))
        await self._finish()

    async def _finish(self) -> None:
        """Finalise and commit the next decided block; its app hash is the one that it ever had."""
        request = self.decided[self.committed]
        response = (await self._ask(request)).finalize_block
        height = request.finalize_block.height
        assert self.hashes.setdefault(height, response.app_hash) == response.app_hash
        await self._ask(COMMIT)
        self.committed = height
        taken = set(request.finalize_block.txs)
        waiting = [tx for tx in self.mempool if tx not in taken]
        self.mempool = [tx for tx in waiting if (await self._ask(check(tx, recheck=True))).check_tx.code == 0]

    async def _round(self, height: int) -> list[bytes]:
        """A proposal, ours or another's; what is decided in the end is one that was accepted."""
        block = finalize(height).finalize_block
        offered = [*self.mempool, b"garbage"] if self.chance.random() < 0.3 else self.mempool
        prepare = abci.RequestPrepareProposal(height=height, txs=offered, time=block.time, max_tx_bytes=1 << 20)
        txs = list((await self._ask(abci.Request(prepare_proposal=prepare))).prepare_proposal.txs)
        if self.chance.random() < 0.3:
            assert not await self._process(height, [*txs, b"garbage"])
        assert await self._process(height, txs)
        if self.chance.random() < 0.5:
            extended = (await self._ask(abci.Request(extend_vote=abci.RequestExtendVote(height=height)))).extend_vote
            verify = abci.RequestVerifyVoteExtension(height=height, vote_extension=extended.vote_extension)
            response = await self._ask(abci.Request(verify_vote_extension=verify))
            assert response.verify_vote_extension.status == abci.ResponseVerifyVoteExtension.ACCEPT
        return txs

    async def _process(self, height: int, txs: list[bytes]) -> bool:
        block = finalize(height, txs).finalize_block
        process = abci.RequestProcessProposal(height=height, txs=txs, time=block.time, hash=block.hash)
        response = await self._ask(abci.Request(process_proposal=process))
        return bool(response.process_proposal.status == abci.ResponseProcessProposal.ACCEPT)

    async def _gossip(self) -> None:
        """What comes on the other connections meanwhile."""
        await self._ask(self.chance.choice([FLUSH, INFO, abci.Request(echo=abci.RequestEcho(message="hello"))]))
        if self.committed == 0:
            return
        for person in self.chance.sample(PEOPLE, 2):
            tx = await self._make_tx(person)
            if (await self._ask(check(tx))).check_tx.code == 0:
                self.mempool.append(tx)

    async def _make_tx(self, person: Person) -> bytes:
        """A send or a stake, in one of four cases with a wrong sequence."""
        data = QueryAccountRequest(address=person.text).SerializeToString()
        query = abci.RequestQuery(path="/cosmos.auth.v1beta1.Query/Account", data=data)
        response = (await self._ask(abci.Request(query=query))).query
        account = BaseAccount()
        QueryAccountResponse.FromString(response.value).account.Unpack(account)
        send = MsgSend(from_address=person.text, to_address=self.chance.choice(PEOPLE).text, amount=[make_coin(7)])
        message = MsgStake(host=person.text, amount_ngonka=GNK) if self.chance.random() < 0.2 else send
        sequence = account.sequence + (self.chance.random() < 0.25)
        draft = Draft(messages=(message,), signers=(person,), sequences=(sequence,), numbers=(account.account_number,))
        return encode(draft).SerializeToString()

    def blocks(self) -> list[LoggedBlock]:
        """What was committed, for another engine to take."""
        return [
            LoggedBlock(
                block=block_of_message(request.finalize_block, b""),
                result=BlockResult(tx_results=(), events=(), app_hash=self.hashes[height], validator_updates=()),
            )
            for height, request in enumerate(self.decided, start=1)
        ]

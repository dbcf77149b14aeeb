"""A node in memory whose blocks are made when asked, and what the API reads of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from google.protobuf.message import Message

from chain.api.local_chain import LocalChain
from chain.api.methods import build_registry
from chain.engine.blocklog import LoggedBlock
from chain.modules.auth.state import get_account
from chain.modules.bank.coins import make_coin
from chain.modules.query import Snapshot
from chain.process import Node, open_node
from chain.store.store import Store
from tests.chain.ledger import CHAIN_ID, TIME_MS, Draft, Ledger, Person, encode, make_genesis

from cosmos.bank.v1beta1.tx_pb2 import MsgSend


class Api:
    """Methods answered as over gRPC, without the wire."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.chain = LocalChain(app=node.app, engine=node.engine, store=node.store, chain_id=CHAIN_ID)
        self.registry = build_registry(self.chain)

    def ask(self, path: str, request: Message, answer: type[Message], height: int = 0) -> Any:
        method = self.registry.find(path)
        assert method is not None, path
        return answer.FromString(method.answer(request.SerializeToString(), self.chain.snapshot(height)))

    def block(self) -> LoggedBlock:
        return self.node.engine.make_block(TIME_MS * 10**6 + self.node.engine.height * 10**8)

    def sign(self, by: Person, *messages: Message, memo: str = "", ahead: int = 0) -> bytes:
        """A transaction that is right `ahead` transactions from now."""
        account = get_account(self.node.store.latest, by.address)
        assert account is not None
        draft = Draft(
            messages=messages,
            signers=(by,),
            sequences=(account.sequence + ahead,),
            numbers=(account.number,),
            memo=memo,
        )
        return encode(draft).SerializeToString()

    def send(self, source: Person, target: Person, amount: int, memo: str = "") -> bytes:
        """A signed transfer, taken into the next block with whatever else waits."""
        message = MsgSend(from_address=source.text, to_address=target.text, amount=[make_coin(amount)])
        tx = self.sign(source, message, memo=memo)
        result = self.node.engine.submit(tx)
        assert result.code == 0, result.log
        return tx


def snapshot_of(ledger: Ledger) -> Snapshot:
    """The state as the ledger last committed it; it keeps no block log."""
    view = ledger.store.latest
    time_ns = TIME_MS * 10**6 + view.height * 10**8
    return Snapshot(store=view, records=view.records, height=view.height, time_ns=time_ns, chain_id=CHAIN_ID)


@contextmanager
def open_api() -> Iterator[Api]:
    """At height 1."""
    with open_node(Store.in_memory(), make_genesis()) as node:
        api = Api(node)
        api.block()
        yield api

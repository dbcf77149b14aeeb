"""A fee is found although other transactions of the same account go by."""

import asyncio

import pytest

from chain_client.errors import PermanentError
from chain_client.ledger import Account
from chain_client.pricing import TRIES, price_order
from chain_client.transactions import Order
from tests.chain_client.fake_ledger import FakeLedger
from wire.gonka.stake.v1.tx_pb2 import MsgStake

from cosmos.tx.v1beta1.tx_pb2 import AuthInfo, TxRaw

KEY = b"\x02" + bytes(32)
ORDER = Order(order_id="a", messages=(MsgStake(host="gonka1x", amount_ngonka=5),), last_height=30)


class BusyLedger(FakeLedger):
    """The account's sequence moves on `races` times between its reading and the simulation."""

    def __init__(self, races: int) -> None:
        super().__init__()
        self.races = races

    async def account(self, address: str) -> Account:
        seen = await super().account(address)
        if self.races:
            self.races -= 1
            self.sequences[address] = seen.sequence + 1
        return seen

    async def simulate(self, tx: bytes) -> int:
        signer = AuthInfo.FromString(TxRaw.FromString(tx).auth_info_bytes).signer_infos[0]
        if signer.sequence != self.sequences.get("gonka1x", 0):
            raise PermanentError("sequence_mismatch", "another came first")
        return 50_000


def test_price_order__another_transaction_comes_between__is_simulated_again() -> None:
    order = asyncio.run(price_order(BusyLedger(races=3), ORDER, address="gonka1x", public_key=KEY))
    assert order.fee.gas_limit == 65_000
    assert (order.order_id, order.messages) == (ORDER.order_id, ORDER.messages)


def test_price_order__it_never_fits__gives_the_chains_answer() -> None:
    with pytest.raises(PermanentError) as caught:
        asyncio.run(price_order(BusyLedger(races=TRIES), ORDER, address="gonka1x", public_key=KEY))
    assert caught.value.code == "sequence_mismatch"

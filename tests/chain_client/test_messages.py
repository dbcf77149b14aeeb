"""Messages of a validator that deals, from the chain's view of it to the chain that takes them."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from chain.modules.beacon import state
from chain.modules.beacon.queries import show_group
from chain.modules.query import Snapshot
from chain.modules.sprint.queries import get_view
from chain_client.duties import JournalView, plan
from chain_client.effects import CheckDeals, Duty, Send
from chain_client.journal import Journal
from chain_client.keys.secret import Secret
from chain_client.messages import Desk, build_order, derive_beacon_key
from chain_client.perform import ACTIONS, Ports
from chain_client.view import View, decode_view
from rules.types import Host
from tests.chain.ledger import ANN, BOB, CAT, CHAIN_ID, Person
from tests.chain.modules.beacon.threshold.validators import THRESHOLD, Validators, secret_of, set_key
from wire.gonka.beacon.v1.query_pb2 import QueryGroupRequest, QueryGroupResponse
from wire.gonka.sprint.v1.query_pb2 import QueryViewRequest

DEALING = 3
"""The block in which a group forms, and whoever is not idle deals; two more take deals."""
PARAMS = replace(THRESHOLD, sprint=replace(THRESHOLD.sprint, genesis_blocks=8))


class Client:
    """A validator's client with a journal of its own, over a chain by direct calls."""

    def __init__(self, network: Validators, person: Person, directory: Path) -> None:
        self.network = network
        self.person = person
        self.secret = Secret(secret_of(person).to_bytes(32))
        self.journal = Journal.open(directory, chain_id=CHAIN_ID, host=Host(person.address))

    def snapshot(self) -> Snapshot:
        store: Any = self.network.store
        return Snapshot(store=store, records=store, height=self.network.height, time_ns=0, chain_id=CHAIN_ID)

    def view(self) -> View:
        """As it is once the open block is committed, if nothing more happens in it."""
        answer = get_view(self.snapshot(), QueryViewRequest(host=self.person.text))
        return decode_view(answer, Host(self.person.address))

    def send(self, duty: Duty) -> None:
        """Do what is planned, which must be this."""
        sends = [effect for effect in self.plan() if isinstance(effect, Send)]
        assert [send.duty for send in sends] == [duty]
        desk = Desk(view=self.view(), journal=self.journal, entropy=lambda size: bytes(size), beacon_secret=self.secret)
        for message in build_order(sends[0], desk).messages:
            self.network.send(message)

    def plan(self) -> tuple[Any, ...]:
        journal = self.journal.read(self.view().clock.epoch)
        known = {name: getattr(journal, name) for name in JournalView.__slots__}
        return plan(self.view(), JournalView(**known | {"beacon_key": derive_beacon_key(self.secret), "reviewed": 9}))

    def check(self) -> None:
        """Carry out what is planned for the deals that came in."""
        (effect,) = [effect for effect in self.plan() if isinstance(effect, CheckDeals)]
        ports: Any = Ports(**dict.fromkeys(Ports.__slots__) | self._ports())
        asyncio.run(ACTIONS[CheckDeals](ports, self.view(), effect))

    def _ports(self) -> dict[str, Any]:
        return {"ledger": self, "journal": self.journal, "beacon_secret": self.secret}

    async def query(self, method: str, request: QueryGroupRequest, _response: type) -> QueryGroupResponse:
        assert method == "/gonka.beacon.v1.Query/Group"
        return show_group(self.snapshot(), request)


@pytest.fixture
def network() -> Validators:
    """Three validators in the block in which keys are dealt; Ann has not dealt."""
    network = Validators(idle={ANN}, threshold=PARAMS)
    network.goto_height(DEALING)
    return network


@pytest.fixture
def ann(network: Validators, tmp_path: Path) -> Client:
    return Client(network, ANN, tmp_path)


def test_a_deal_is_taken_once_and_the_same_when_it_is_built_again(network: Validators, ann: Client) -> None:
    view = ann.view()
    assert view.dealing.members == {Host(p.address) for p in (ANN, BOB, CAT)}
    assert len(view.dealing.slot_keys) == 128
    ann.send(Duty.DEAL)
    taken = state.get_deal(network.store, 1, Host(ANN.address))
    assert taken is not None
    desk = Desk(view=view, journal=ann.journal, entropy=lambda size: b"x" * size, beacon_secret=ann.secret)
    (again,) = build_order(Send(duty=Duty.DEAL, epoch=1, last_height=3), desk).messages
    assert again.shares == taken.shares  # type: ignore[attr-defined]  # a MsgDeal
    assert not [effect for effect in ann.plan() if isinstance(effect, Send)]


def test_shares_that_are_right_are_checked_once_and_nothing_is_sent(ann: Client) -> None:
    ann.send(Duty.DEAL)
    ann.check()
    assert ann.journal.read_openings(1) == {}
    assert not [effect for effect in ann.plan() if isinstance(effect, CheckDeals | Send)]


def test_a_wrong_share_is_complained_of_and_the_deal_is_out(network: Validators, tmp_path: Path) -> None:
    network = Validators(idle={ANN, CAT}, threshold=PARAMS)
    network.goto_height(DEALING)
    bad = network.deal(CAT)
    bad.shares = bad.shares[::-1]
    network.send(bad)
    ann = Client(network, ANN, tmp_path)
    ann.send(Duty.DEAL)
    ann.check()
    assert set(ann.journal.read_openings(1)) == {Host(CAT.address)}
    ann.send(Duty.COMPLAIN)
    found = state.get_deal(network.store, 1, Host(CAT.address))
    assert found is not None
    assert found.accused_by == ANN.text
    assert not [effect for effect in ann.plan() if isinstance(effect, Send)]


def test_a_validators_beacon_key_is_registered_with_its_proof(tmp_path: Path) -> None:
    network = Validators(threshold=PARAMS)
    network.store.delete(b"beacon/key/" + ANN.address)
    ann = Client(network, ANN, tmp_path)
    ann.send(Duty.SET_BEACON_KEY)
    assert state.get_beacon_key(network.store, Host(ANN.address)) == set_key(ANN).beacon_key
    assert not [effect for effect in ann.plan() if isinstance(effect, Send)]


def test_a_deal_that_is_missing_is_told_in_its_epoch(network: Validators, ann: Client) -> None:
    network.goto_height(10)
    assert ann.view().dealing.missing
    ann.person = BOB
    assert not ann.view().dealing.missing

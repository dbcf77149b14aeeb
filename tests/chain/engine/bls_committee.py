"""Four nodes whose votes sign the rounds of the beacon: ABCI calls as CometBFT would make them, and no CometBFT.

Every block is prepared by one, processed, voted for, finalised and committed by all; what the votes carried goes to
who proposes next.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from hashlib import sha256
from random import Random

from chain.engine.abci import AbciEngine
from chain.modules.beacon import state
from chain.modules.beacon.threshold.dealing import find_dealing
from chain.modules.beacon.threshold.voting import Signer
from chain.modules.sprint.state import get_epoch_start, locate_height
from chain.store.store import Store
from rules.params import THRESHOLD_BLS
from rules.presets import MINIMAL
from rules.schedule import Place
from tests.chain.engine.abci_node import (
    COMMIT,
    ask_engine,
    consensus_pubkey,
    finalize,
    init_chain,
    make_validator_genesis,
    open_abci,
)
from tests.chain.ledger import ANN, BOB, CAT, CHAIN_ID, DAN, Ledger, Person
from tests.chain.modules.beacon.threshold.validators import seal, secret_of, set_key
from wire.gonka.beacon.v1.beacon_pb2 import Group
from wire.gonka.beacon.v1.tx_pb2 import MsgDeal
from wire.threshold.groups import read_dealing

from tendermint.abci import types_pb2 as abci
from tendermint.types.validator_pb2 import BlockIDFlag

PEOPLE = (ANN, BOB, CAT, DAN)
PARAMS = replace(
    MINIMAL,
    sprint=replace(MINIMAL.sprint, genesis_blocks=8),
    beacon=replace(MINIMAL.beacon, kind=THRESHOLD_BLS, reveal_blocks=2),
)
GENESIS = make_validator_genesis(PEOPLE, PARAMS)
ACCEPT = abci.ResponseProcessProposal.ACCEPT
REJECT = abci.ResponseProcessProposal.REJECT


def address_of(person: Person) -> bytes:
    return sha256(consensus_pubkey(person)).digest()[:20]


@dataclass
class Committee:
    """At height 0; `silent` people's votes carry nothing, `spoil` changes what votes carry after they are checked.

    By `chance` nodes are killed and started again in the middle of a height.
    """

    silent: set[Person] = field(default_factory=set)
    absent: set[Person] = field(default_factory=set)
    spoil: Callable[[Person, bytes], bytes] = lambda _, extension: extension
    height: int = 0
    carried: dict[Person, bytes] = field(default_factory=dict)
    hashes: list[bytes] = field(default_factory=list)
    evidence: tuple[abci.Misbehavior, ...] = ()
    chance: Random | None = None

    def __post_init__(self) -> None:
        self.stores = {person: Store.in_memory() for person in PEOPLE}
        self.engines = {person: self._open(person) for person in PEOPLE}
        for engine in self.engines.values():
            ask(engine, init_chain(GENESIS))

    def _open(self, person: Person) -> AbciEngine:
        return open_abci(self.stores[person], GENESIS, signer=Signer(secret_of(person)))

    def _shake(self) -> None:
        """With chance, some are killed and started again: what was committed is all that they have."""
        if self.chance and self.height:
            for person in PEOPLE:
                if self.chance.random() < 0.25:
                    self.engines[person] = self._open(person)

    @property
    def ledger(self) -> Ledger:
        """For reading accounts, and signing."""
        return Ledger(store=self.stores[ANN], genesis=GENESIS)

    @property
    def place(self) -> Place:
        """Where the next block lies, unless it begins an epoch."""
        return locate_height(self.stores[ANN].latest, self.height)

    @property
    def group(self) -> Group | None:
        latest = self.stores[ANN].latest
        return state.get_group(latest, get_epoch_start(latest).epoch + 1)

    def duties(self) -> list[bytes]:
        """Beacon keys in the first block, deals as soon as there is a group."""
        if self.height == 1:
            return [self.ledger.tx(set_key(person), by=(person,)) for person in PEOPLE]
        latest, group = self.stores[ANN].latest, self.group if self.height else None
        dealing = find_dealing(latest) if self.height else None
        if group is None or dealing is None or self.height != dealing.deal_first:
            return []
        return [self.ledger.tx(self.deal(group, person), by=(person,), fee=0) for person in PEOPLE]

    def deal(self, group: Group, person: Person) -> MsgDeal:
        sealed = seal(read_dealing(CHAIN_ID, group, person.text), person.secret)
        return MsgDeal(
            host=person.text,
            epoch=group.epoch,
            commitments=sealed.commitments,
            proof=sealed.proof,
            ephemeral_key=sealed.ephemeral_key,
            shares=sealed.shares,
        )

    def prepare(self, *txs: bytes) -> abci.RequestPrepareProposal:
        """What the proposer of the next block is asked."""
        votes = [
            abci.ExtendedVoteInfo(
                validator=abci.Validator(address=address_of(person), power=1),
                vote_extension=self.spoil(person, self.carried.get(person, b"")),
                block_id_flag=self._flag(person),
            )
            for person in PEOPLE
        ]
        return abci.RequestPrepareProposal(
            height=self.height + 1,
            txs=txs,
            max_tx_bytes=10**6,
            time=finalize(self.height + 1).finalize_block.time,
            local_last_commit=abci.ExtendedCommitInfo(votes=votes if self.height else []),
            misbehavior=self.evidence,
        )

    def propose(self, *txs: bytes) -> list[bytes]:
        proposer = self.engines[PEOPLE[self.height % len(PEOPLE)]]
        response = ask(proposer, abci.Request(prepare_proposal=self.prepare(*txs)))
        return list(response.prepare_proposal.txs)

    def process(self, txs: list[bytes]) -> set[int]:
        """What everyone says of a proposal."""
        block = self.make_block(txs)
        request = abci.RequestProcessProposal(
            height=block.height,
            txs=txs,
            time=block.time,
            hash=block.hash,
            proposed_last_commit=block.decided_last_commit,
            misbehavior=block.misbehavior,
        )
        asked = abci.Request(process_proposal=request)
        return {ask(engine, asked).process_proposal.status for engine in self.engines.values()}

    def step(self) -> abci.ResponseFinalizeBlock:
        """A block, from its proposal to its commit."""
        return self.decide(self.propose(*self.duties()))

    def decide(self, txs: list[bytes]) -> abci.ResponseFinalizeBlock:
        assert self.process(txs) == {ACCEPT}
        self._shake()
        request = self.make_block(txs)
        self.carried = {person: self.extend(person, request.hash) for person in PEOPLE}
        for person, extension in self.carried.items():
            assert self.verify(person, request.hash, extension) == {abci.ResponseVerifyVoteExtension.ACCEPT}
        self._shake()
        responses = [ask(engine, abci.Request(finalize_block=request)) for engine in self.engines.values()]
        assert len({response.SerializeToString() for response in responses}) == 1
        for engine in self.engines.values():
            ask(engine, COMMIT)
        self.evidence = ()
        self.height += 1
        self.hashes.append(request.hash)
        return responses[0].finalize_block

    def extend(self, person: Person, block_hash: bytes) -> bytes:
        if person in self.silent | self.absent:
            return b""
        request = abci.RequestExtendVote(height=self.height + 1, hash=block_hash)
        return ask(self.engines[person], abci.Request(extend_vote=request)).extend_vote.vote_extension

    def verify(self, person: Person, block_hash: bytes, extension: bytes) -> set[int]:
        """What the others say of a vote by `person`."""
        request = abci.RequestVerifyVoteExtension(
            height=self.height + 1, hash=block_hash, validator_address=address_of(person), vote_extension=extension
        )
        asked = abci.Request(verify_vote_extension=request)
        others = [engine for other, engine in self.engines.items() if other != person]
        return {ask(engine, asked).verify_vote_extension.status for engine in others}

    def run_to(self, height: int) -> None:
        while self.height < height:
            self.step()

    def make_block(self, txs: list[bytes]) -> abci.RequestFinalizeBlock:
        """The next block as it would be decided."""
        request = finalize(self.height + 1, txs).finalize_block
        votes = [
            abci.VoteInfo(validator=abci.Validator(address=address_of(p), power=1), block_id_flag=self._flag(p))
            for p in PEOPLE
        ]
        request.decided_last_commit.CopyFrom(abci.CommitInfo(votes=votes if self.height else []))
        request.misbehavior.extend(self.evidence)
        return request

    def _flag(self, person: Person) -> BlockIDFlag.ValueType:
        absent = person in self.absent
        return BlockIDFlag.BLOCK_ID_FLAG_ABSENT if absent else BlockIDFlag.BLOCK_ID_FLAG_COMMIT


def ask(engine: AbciEngine, request: abci.Request) -> abci.Response:
    return asyncio.run(ask_engine(engine, request))

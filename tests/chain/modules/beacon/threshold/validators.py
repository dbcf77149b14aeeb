"""A network whose hosts are validators that deal keys and sign rounds in their votes, by direct calls.

Every block goes as an engine has it: begun, its signature combined from the votes for the block before, proposed,
processed and taken; then voted for.  Who is in `silent` sends no partials, who is in `idle` deals nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache
from hashlib import sha256

from google.protobuf.message import Message
from py_arkworks_bls12381 import G1Point

from chain.modules.beacon import state
from chain.modules.beacon.threshold.dealing import find_dealing
from chain.modules.beacon.threshold.voting import Signer, combine_extensions, is_extension_good, take_signature
from chain.modules.params.state import init_params
from chain.modules.stake import state as stake
from rules.addresses import decode_address
from rules.errors import RuleError
from rules.params import THRESHOLD_BLS, Params
from rules.presets import MINIMAL
from rules.types import Host
from tests.chain.ledger import ANN, BOB, CAT, CHAIN_ID, Person
from tests.chain.network import Network, Player
from wire.gonka.beacon.v1.beacon_pb2 import Group
from wire.gonka.beacon.v1.tx_pb2 import MsgCommitSeeds, MsgComplain, MsgDeal, MsgSetBeaconKey
from wire.threshold.curve import derive_scalar, multiply_g1
from wire.threshold.dealing import deal, open_deal
from wire.threshold.groups import find_member, read_deal, read_dealing
from wire.threshold.proofs import prove_key

THRESHOLD = replace(MINIMAL, beacon=replace(MINIMAL.beacon, kind=THRESHOLD_BLS, reveal_blocks=2))
seal = cache(deal)


def secret_of(person: Person) -> int:
    return derive_scalar("test/beacon", person.secret)


def consensus_key_of(person: Person) -> bytes:
    return sha256(b"consensus" + person.secret).digest()


def validator_of(person: Person) -> bytes:
    return sha256(consensus_key_of(person)).digest()[:20]


def set_key(person: Person) -> MsgSetBeaconKey:
    secret = secret_of(person)
    return MsgSetBeaconKey(
        host=person.text,
        beacon_key=multiply_g1(G1Point(), secret),
        proof=prove_key(CHAIN_ID, person.address, secret),
    )


@dataclass
class Validator(Player):
    """An honest host that deals instead of committing to secrets."""

    def does(self, duty: type[Message], epoch: int) -> bool:
        return duty is not MsgCommitSeeds


@dataclass
class Validators(Network):
    """All of `people` are founders and validators with a beacon key."""

    people: tuple[Person, ...] = (ANN, BOB, CAT)
    threshold: Params = THRESHOLD
    silent: set[Person] = field(default_factory=set)
    idle: set[Person] = field(default_factory=set)
    spoil: Callable[[Person, bytes], bytes] = lambda _, extension: extension
    votes: dict[bytes, bytes] = field(default_factory=dict)
    signers: dict[str, Signer] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.players = [Validator(person) for person in self.people]
        self.founders = self.people
        super().__post_init__()
        init_params(self.store, self.threshold)
        for person in self.people:
            key, record = consensus_key_of(person), self.record(person)
            record.consensus_pubkey = key
            stake.set_host(self.store, Host(person.address), record)
            stake.set_key_owner(self.store, key, Host(person.address))
            stake.set_validator(self.store, key, 1)
            self.send(set_key(person))

    def _open(self) -> None:
        super()._open()
        if self.height == 1:
            return
        votes, self.votes = self.votes, self._vote()
        signature = combine_extensions(self.ctx, votes)
        if signature:
            self.process(signature)
            take_signature(self.ctx, signature)
        place = find_dealing(self.store)
        group = self.group()
        if place is not None and self.height == place.deal_first and group is not None:
            for person in self.people:
                if person not in self.idle and find_member(group, person.text):
                    self.send(self.deal(person))

    def _vote(self) -> dict[bytes, bytes]:
        """What the votes for the open block carry; whatever is not good never counts as a vote."""
        block_hash, votes = sha256(self.last_hash).digest(), {}
        for person in self.people:
            signer = self.signers.setdefault(person.text, Signer(secret_of(person)))
            extension = b"" if person in self.silent else self.spoil(person, signer.extend(self.ctx, block_hash))
            votes[validator_of(person)] = extension
        return votes

    def accepts(self, person: Person, extension: bytes) -> bool:
        """Whether others take a vote for the open block that carries this."""
        return is_extension_good(self.ctx, sha256(self.last_hash).digest(), validator_of(person), extension)

    def process(self, signature: bytes) -> None:
        """What everyone does with a proposal.  Raises: RuleError."""
        take_signature(self.ctx.branch().context, signature)

    def group(self, later: int = 1) -> Group | None:
        """The group of the epoch that is so much later than the running one."""
        return state.get_group(self.store, self.epoch + later)

    def deal(self, person: Person) -> MsgDeal:
        group = self.group()
        assert group is not None
        sealed = seal(read_dealing(CHAIN_ID, group, person.text), person.secret)
        return MsgDeal(
            host=person.text,
            epoch=group.epoch,
            commitments=sealed.commitments,
            proof=sealed.proof,
            ephemeral_key=sealed.ephemeral_key,
            shares=sealed.shares,
        )

    def complaint(self, person: Person, dealer: Person) -> MsgComplain:
        group = self.group()
        assert group is not None
        found = state.get_deal(self.store, group.epoch, Host(decode_address(dealer.text)))
        assert found is not None
        opening = open_deal(read_dealing(CHAIN_ID, group, dealer.text), read_deal(found), secret_of(person))
        return MsgComplain(
            host=person.text,
            epoch=group.epoch,
            dealer=dealer.text,
            shared_key=opening.shared_key,
            proof=opening.proof,
        )

    def goto_height(self, height: int) -> None:
        while self.height < height:
            self.step()

    def refuses(self, message: Message) -> str:
        """The code with which a message is refused, "" where it is taken."""
        try:
            self.send(message)
        except RuleError as error:
            return error.code
        return ""

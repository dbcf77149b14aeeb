"""Blocks signed by any validators, for the tests of what checks them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from google.protobuf.timestamp_pb2 import Timestamp

from chain_client.light import LightBlock
from wire.headers import EMPTY_ROOT, address_of, encode_vote, hash_header, hash_validators

from tendermint.crypto.keys_pb2 import PublicKey
from tendermint.types.types_pb2 import BlockID, Commit, CommitSig, Header, PartSetHeader, SignedHeader
from tendermint.types.validator_pb2 import Validator, ValidatorSet
from tendermint.version.types_pb2 import Consensus

CHAIN_ID = "light-1"
START_S = 1_700_000_000
Powers = Mapping[int, int]
"""Power by number of a validator."""


def key_of(number: int) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(number.to_bytes(32, "big"))


def make_set(powers: Powers) -> ValidatorSet:
    keys = {number: key_of(number).public_key().public_bytes_raw() for number in powers}
    return ValidatorSet(
        validators=[
            Validator(address=address_of(key), pub_key=PublicKey(ed25519=key), voting_power=powers[number])
            for number, key in keys.items()
        ]
    )


def sign(header: Header, signers: Sequence[int], *, flag: int = 2) -> SignedHeader:
    commit = Commit(
        height=header.height,
        block_id=BlockID(hash=hash_header(header), part_set_header=PartSetHeader(total=1, hash=bytes(32))),
    )
    for number in signers:
        time = Timestamp(seconds=header.time.seconds, nanos=number)
        key = key_of(number)
        commit.signatures.append(
            CommitSig(
                block_id_flag=flag,
                validator_address=address_of(key.public_key().public_bytes_raw()),
                timestamp=time,
                signature=key.sign(encode_vote(header.chain_id, commit, time)),
            )
        )
    return SignedHeader(header=header, commit=commit)


@dataclass
class LightNetwork:
    """A chain of some height whose validator sets begin at the heights given; who signs is everybody, unless said."""

    sets: Mapping[int, Powers]
    app_hashes: Mapping[int, bytes] = field(default_factory=dict)
    signers: Mapping[int, Sequence[int]] = field(default_factory=dict)
    asked: list[int] = field(default_factory=list)

    def powers(self, height: int) -> Powers:
        return self.sets[max(first for first in self.sets if first <= height)]

    def header(self, height: int) -> Header:
        return Header(
            version=Consensus(block=11),
            chain_id=CHAIN_ID,
            height=height,
            time=Timestamp(seconds=START_S + height),
            last_block_id=BlockID(hash=bytes(32), part_set_header=PartSetHeader(total=1, hash=bytes(32))),
            data_hash=EMPTY_ROOT,
            validators_hash=hash_validators(make_set(self.powers(height)).validators),
            next_validators_hash=hash_validators(make_set(self.powers(height + 1)).validators),
            app_hash=self.app_hashes.get(height, bytes(32)),
            proposer_address=bytes(20),
        )

    def block(self, height: int) -> LightBlock:
        signers = self.signers.get(height, [*self.powers(height)])
        return LightBlock(
            signed=sign(self.header(height), signers),
            validators=make_set(self.powers(height)),
            next_validators=make_set(self.powers(height + 1)),
        )

    async def read_block(self, height: int) -> LightBlock:
        self.asked.append(height)
        return self.block(height)

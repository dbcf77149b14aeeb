"""Trust carried from one block to a later one by its validators' signatures, without trusting who hands them over.

A block follows from a trusted one when more than 2/3 of its own validators' power signed it and, where it is not the
next, more than 2/3 of the power of the validators that the trusted block named next did too.  So whoever would forge
it needs a third of a power that was honest a trusting period ago.

Source: CometBFT 0.38, light client specification, with a trust level of 2/3 in place of 1/3.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from chain_client.errors import PermanentError
from wire.headers import address_of, encode_vote, hash_header, hash_validators

from tendermint.types.types_pb2 import Header, SignedHeader
from tendermint.types.validator_pb2 import ValidatorSet

CLOCK_DRIFT_NS: Final = 10 * 10**9
"""How far a block's time may lie ahead of ours."""
MAX_STEPS: Final = 256
_VOTED: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class LightBlock:
    """A header with its commit, the validators that signed it, and those of the block after."""

    signed: SignedHeader
    validators: ValidatorSet
    next_validators: ValidatorSet

    @property
    def header(self) -> Header:
        """The header."""
        return self.signed.header

    @property
    def time_ns(self) -> int:
        """The block's time, Unix nanoseconds."""
        return int(self.header.time.ToNanoseconds())


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """What somebody trusts: a block by height and hash (32 bytes), for `period_ns` after its time, at `now_ns`."""

    height: int
    block_hash: bytes
    period_ns: int
    now_ns: int


def verify_path(blocks: Sequence[LightBlock], trust: Trust) -> LightBlock:
    """The last of some blocks, once each follows from the one before and the first is the trusted one.

    Raises: PermanentError `trust_mismatch`, `trust_expired`, `header_untrusted`.
    """
    first = next((block for block in blocks if block.header.height == trust.height), None)
    if first is None:
        held = ", ".join(str(block.header.height) for block in blocks[:5])
        raise PermanentError("trust_mismatch", f"the file has no header of height {trust.height}; it has {held}")
    if hash_header(first.header) != trust.block_hash:
        raise PermanentError("trust_mismatch", f"its header {trust.height} has hash {hash_header(first.header).hex()}")
    if trust.now_ns - first.time_ns > trust.period_ns:
        raise PermanentError("trust_expired", f"block {trust.height} is of {first.header.time.ToJsonString()}")
    trusted, fault = first, find_fault(first)
    for block in blocks[blocks.index(first) + 1 :]:
        fault = fault or find_fault(block) or find_gap(trusted, block)
        trusted = block
    if fault:
        raise PermanentError("header_untrusted", fault)
    if trusted.time_ns > trust.now_ns + CLOCK_DRIFT_NS:
        raise PermanentError("header_untrusted", f"block {trusted.header.height} is from the future")
    return trusted


async def plan_path(
    read_block: Callable[[int], Awaitable[LightBlock]], first_height: int, last_height: int
) -> tuple[LightBlock, ...]:
    """The blocks that carry trust from one height to another: as few as halving the way finds.

    Raises: PermanentError `header_untrusted` where a block does not even follow from the one before it.
    """
    path = [await read_block(first_height)]
    ahead = [await read_block(last_height)] if last_height > first_height else []
    while ahead:
        fault = find_fault(ahead[-1]) or find_gap(path[-1], ahead[-1])
        near, far = path[-1].header.height, ahead[-1].header.height
        if not fault:
            path.append(ahead.pop())
        elif far == near + 1 or len(path) + len(ahead) > MAX_STEPS:
            raise PermanentError("header_untrusted", fault)
        else:
            ahead.append(await read_block((near + far) // 2))
    return tuple(path)


def find_fault(block: LightBlock) -> str:
    """What is wrong with a block by itself, "" where its own validators signed it."""
    header, commit = block.header, block.signed.commit
    name = f"block {header.height}"
    if commit.height != header.height or commit.block_id.hash != hash_header(header):
        return f"{name}: the commit is of another block"
    if hash_validators(block.validators.validators) != header.validators_hash:
        return f"{name}: the validators are not those of its header"
    if hash_validators(block.next_validators.validators) != header.next_validators_hash:
        return f"{name}: the next validators are not those of its header"
    signed, total = sum_power(block.signed, block.validators)
    return "" if 3 * signed > 2 * total else f"{name}: {signed} of {total} power signed it"


def find_gap(trusted: LightBlock, block: LightBlock) -> str:
    """Why a block does not follow from a trusted one, "" where it does."""
    before, after = trusted.header, block.header
    if after.chain_id != before.chain_id:
        return f"block {after.height} is of the chain {after.chain_id[:80]!r}"
    if after.height <= before.height or block.time_ns <= trusted.time_ns:
        return f"block {after.height} does not come after block {before.height}"
    if after.height == before.height + 1:
        return "" if after.validators_hash == before.next_validators_hash else f"block {after.height}: other validators"
    signed, total = sum_power(block.signed, trusted.next_validators)
    return (
        "" if 3 * signed > 2 * total else f"{signed} of {total} power after block {before.height} signed {after.height}"
    )


def sum_power(signed: SignedHeader, validators: ValidatorSet) -> tuple[int, int]:
    """The power of those validators whose good signature is in the commit, and of all."""
    by_address = {address_of(one.pub_key.ed25519): one for one in validators.validators if one.voting_power > 0}
    total = sum(one.voting_power for one in by_address.values())
    power = 0
    for vote in signed.commit.signatures:
        validator = by_address.get(vote.validator_address) if vote.block_id_flag == _VOTED else None
        if validator is None:
            continue
        document = encode_vote(signed.header.chain_id, signed.commit, vote.timestamp)
        if _is_signed(validator.pub_key.ed25519, vote.signature, document):
            power += validator.voting_power
            del by_address[vote.validator_address]  # a second vote of the same validator adds nothing
    return power, total


def _is_signed(public_key: bytes, signature: bytes, document: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, document)
    except (InvalidSignature, ValueError):
        return False
    return True

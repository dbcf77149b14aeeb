"""Trust in a block carried to later ones: each test breaks one thing of a way that is right."""

import asyncio
import copy
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chain_client.errors import PermanentError
from chain_client.light import LightBlock, Trust, find_fault, find_gap, plan_path, sum_power, verify_path
from tests.chain_client.light_network import CHAIN_ID, START_S, LightNetwork, key_of, make_set, sign
from wire.headers import hash_header

from tendermint.types.types_pb2 import SignedHeader

FOUR = {1: 10, 2: 10, 3: 10, 4: 10}
STEADY = LightNetwork({1: FOUR})
DAY_NS = 24 * 3600 * 10**9


def trust_in(block: LightBlock, **changes: int | bytes) -> Trust:
    trust = Trust(
        height=block.header.height,
        block_hash=hash_header(block.header),
        period_ns=14 * DAY_NS,
        now_ns=(START_S + 1000) * 10**9,
    )
    return replace(trust, **changes)  # type: ignore[arg-type]  # the fields of Trust


def code_of(blocks: list[LightBlock], trust: Trust) -> str:
    with pytest.raises(PermanentError) as caught:
        verify_path(blocks, trust)
    return caught.value.code


def test_verify_path__a_step_over_many_blocks__ends_at_the_last() -> None:
    blocks = [STEADY.block(1), STEADY.block(500)]
    assert verify_path(blocks, trust_in(blocks[0])) is blocks[1]


def test_verify_path__trust_in_a_later_block__does_not_need_the_first() -> None:
    blocks = [STEADY.block(1), STEADY.block(5), STEADY.block(9)]
    assert verify_path(blocks, trust_in(blocks[1])) is blocks[2]
    assert verify_path(blocks, trust_in(blocks[2])) is blocks[2]


def test_verify_path__more_than_two_thirds_signed__is_enough() -> None:
    blocks = [STEADY.block(1), LightNetwork({1: FOUR}, signers={9: [1, 2, 4]}).block(9)]
    assert verify_path(blocks, trust_in(blocks[0])) is blocks[1]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"height": 2}, "trust_mismatch"),
        ({"block_hash": bytes(32)}, "trust_mismatch"),
        ({"now_ns": (START_S + 1) * 10**9 + 14 * DAY_NS + 1}, "trust_expired"),
        ({"now_ns": START_S * 10**9}, "header_untrusted"),
    ],
    ids=["no such height", "another hash", "older than the period", "from the future"],
)
def test_verify_path__other_trust__is_refused(changes: dict[str, int | bytes], code: str) -> None:
    blocks = [STEADY.block(1), STEADY.block(500)]
    assert code_of(blocks, trust_in(blocks[0], **changes)) == code


def test_verify_path__no_blocks__is_refused() -> None:
    assert code_of([], trust_in(STEADY.block(1))) == "trust_mismatch"


def resigned(block: LightBlock, signers: list[int], *, flag: int = 2) -> LightBlock:
    return replace(block, signed=sign(block.header, signers, flag=flag))


def with_header(block: LightBlock, signers: list[int], **fields: object) -> LightBlock:
    header = copy.deepcopy(block.header)
    for name, value in fields.items():
        setattr(header, name, value)
    return replace(block, signed=sign(header, signers))


def with_commit(block: LightBlock, change: Callable[[LightBlock], None]) -> LightBlock:
    changed = copy.deepcopy(block)
    change(changed)
    return changed


def swap_signatures(block: LightBlock) -> None:
    first, second = block.signed.commit.signatures[:2]
    first.signature, second.signature = second.signature, first.signature


def keep_one_twice(block: LightBlock) -> None:
    del block.signed.commit.signatures[1:]
    for _ in range(3):
        block.signed.commit.signatures.add().CopyFrom(block.signed.commit.signatures[0])


def move_time(block: LightBlock) -> None:
    for signature in block.signed.commit.signatures:
        signature.timestamp.seconds += 1


LAST = STEADY.block(9)
BROKEN = {
    "two thirds signed, not more": resigned(LightNetwork({1: {1: 10, 2: 10, 3: 10}}).block(9), [1, 2]),
    "nobody signed": resigned(LAST, []),
    "strangers signed": resigned(LAST, [11, 12, 13, 14]),
    "voted for no block": resigned(LAST, [1, 2, 3, 4], flag=3),
    "one signed four times": with_commit(LAST, keep_one_twice),
    "signatures of each other": with_commit(LAST, swap_signatures),
    "signatures of another time": with_commit(LAST, move_time),
    "a header changed after the vote": with_commit(LAST, lambda b: setattr(b.header, "app_hash", b"\x01" * 32)),
    "a commit of another block": replace(
        LAST, signed=SignedHeader(header=LAST.header, commit=STEADY.block(8).signed.commit)
    ),
    "a commit of another height": with_commit(LAST, lambda b: setattr(b.signed.commit, "height", 8)),
    "other validators than the header's": replace(LAST, validators=make_set({1: 10, 2: 10})),
    "other next validators": replace(LAST, next_validators=make_set({1: 10})),
    "of another chain": with_header(LAST, [1, 2, 3, 4], chain_id="other-1"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_verify_path__one_thing_wrong_with_a_block__is_refused(name: str) -> None:
    first = STEADY.block(1)
    assert find_fault(LAST) == ""
    assert code_of([first, BROKEN[name]], trust_in(first)) == "header_untrusted"
    assert code_of([first, BROKEN[name], STEADY.block(10)], trust_in(first)) == "header_untrusted"


def test_verify_path__the_trusted_block_is_not_signed__is_refused() -> None:
    first = resigned(STEADY.block(1), [1])
    assert code_of([first, LAST], trust_in(first)) == "header_untrusted"


def test_verify_path__a_forged_set_that_signs_for_itself__is_refused() -> None:
    """The validators of the forged block are its own; those trusted have no part in it."""
    first = STEADY.block(1)
    forged = LightNetwork({1: {11: 10, 12: 10}}).block(9)
    assert find_fault(forged) == ""
    assert code_of([first, forged], trust_in(first)) == "header_untrusted"


def test_verify_path__a_forged_set_that_borrows_addresses__is_refused() -> None:
    """Keys of strangers under the addresses of those trusted."""
    first, forged = STEADY.block(1), LightNetwork({1: {11: 10, 12: 10, 13: 10, 14: 10}}).block(9)
    for mine, theirs in zip(first.validators.validators, forged.validators.validators, strict=True):
        theirs.address = mine.address
    for vote, mine in zip(forged.signed.commit.signatures, first.validators.validators, strict=True):
        vote.validator_address = mine.address
    assert code_of([first, forged], trust_in(first)) == "header_untrusted"


def test_verify_path__the_next_block_of_other_validators_than_named__is_refused() -> None:
    first = STEADY.block(1)
    other = LightNetwork({1: {1: 10, 2: 10, 3: 10}}).block(2)
    assert find_gap(first, STEADY.block(2)) == ""
    assert code_of([first, other], trust_in(first)) == "header_untrusted"


def test_verify_path__blocks_out_of_order__are_refused() -> None:
    first = STEADY.block(5)
    assert code_of([first, STEADY.block(3)], trust_in(first)) == "header_untrusted"
    late = with_header(STEADY.block(9), [1, 2, 3, 4])
    late.header.time.seconds = START_S
    late = resigned(late, [1, 2, 3, 4])
    assert code_of([first, late], trust_in(first)) == "header_untrusted"


CHANGING = LightNetwork({1: FOUR, 40: {3: 10, 4: 10, 5: 10, 6: 10}, 80: {5: 10, 6: 10, 7: 10, 8: 10}})


def test_plan_path__the_validators_change__takes_as_many_steps_as_needed() -> None:
    path = asyncio.run(plan_path(CHANGING.read_block, 1, 100))
    heights = [block.header.height for block in path]
    assert (heights[0], heights[-1]) == (1, 100)
    assert {39, 79} <= set(heights), "the last blocks before a change name who comes"
    assert len(heights) < 20
    assert verify_path(path, trust_in(path[0])).header.height == 100


@pytest.mark.parametrize(("first", "last", "heights"), [(1, 30, [1, 30]), (7, 7, [7]), (1, 2, [1, 2])])
def test_plan_path__the_validators_stay__takes_one_step(first: int, last: int, heights: list[int]) -> None:
    path = asyncio.run(plan_path(STEADY.read_block, first, last))
    assert [block.header.height for block in path] == heights


def test_plan_path__a_block_that_does_not_follow__is_refused_after_few_questions() -> None:
    network = LightNetwork({1: FOUR}, signers={64: [1]})
    with pytest.raises(PermanentError, match="header_untrusted"):
        asyncio.run(plan_path(network.read_block, 1, 64))
    assert len(network.asked) < 12


@settings(max_examples=40, deadline=None)
@given(
    powers=st.lists(st.integers(1, 100), min_size=1, max_size=5),
    signed=st.sets(st.integers(0, 4)),
)
def test_sum_power__any_set_and_any_votes__is_the_sum_of_who_voted(powers: list[int], signed: set[int]) -> None:
    numbered = {index + 1: power for index, power in enumerate(powers)}
    voters = [number for number in numbered if number - 1 in signed]
    block = LightNetwork({1: numbered}, signers={3: voters}).block(3)
    found = sum_power(block.signed, block.validators)
    assert found == (sum(numbered[number] for number in voters), sum(powers))
    assert (find_fault(block) == "") == (3 * found[0] > 2 * found[1])


def test_sum_power__a_key_that_is_no_point__counts_for_nothing() -> None:
    block = STEADY.block(3)
    block.validators.validators[0].pub_key.ed25519 = b"\xff" * 31
    assert sum_power(block.signed, block.validators) == (30, 40)
    assert key_of(1).public_key()
    assert block.header.chain_id == CHAIN_ID

"""Votes over ABCI: they sign the beacon's rounds, and say who was there."""

import random

import pytest

from chain.engine.blocklog import read_block, scan_blocks
from chain.modules.beacon.state import get_seed
from chain.modules.stake.state import find_host, get_validators, is_retired
from chain.process import open_node
from chain.round_signature import MARK
from chain.store.store import Store
from rules.types import Host, Phase, Round
from tests.chain.engine.abci_node import consensus_pubkey
from tests.chain.engine.bls_committee import ACCEPT, GENESIS, PARAMS, PEOPLE, REJECT, Committee, address_of, ask
from tests.chain.ledger import ANN, BOB, CAT, DAN, Person

from tendermint.abci import types_pb2 as abci

FIRST_SEED = 9
"""The block of SEED of epoch 1; the votes for the one before it sign its round."""
EPOCH = 23


def events(result: abci.ResponseFinalizeBlock, kind: str) -> list[abci.Event]:
    return [event for event in _list_events(result) if event.type == kind]


@pytest.fixture
def committee() -> Committee:
    """Before the block of SEED, its signature wanted."""
    committee = Committee()
    committee.run_to(FIRST_SEED - 1)
    return committee


def test_four_validators_sign_both_seeds_of_every_epoch_and_replay_comes_to_the_same() -> None:
    committee = Committee()
    signed = 0
    for _ in range(FIRST_SEED + 2 * EPOCH):
        result = committee.step()
        signed += len(events(result, "round_signed"))
        assert not events(result, "round_delayed")
        assert not events(result, "dealing_failed")
    assert signed == 5
    assert committee.place.epoch == 3
    seeds = {
        tuple(get_seed(store.latest, epoch, beacon_round) for epoch in (2, 3) for beacon_round in Round)
        for store in committee.stores.values()
    }
    ((second, sample, third, _),) = seeds
    assert all(len(seed) == 32 for seed in (second, sample, third))
    first = committee.stores[ANN]
    with open_node(Store.in_memory(), GENESIS) as node:
        for logged in scan_blocks(first.latest.records):
            node.engine.take_block(logged)
        assert node.store.app_hash == first.app_hash


@pytest.mark.timeout(120)
def test_nodes_killed_between_any_two_calls_sign_and_decide_the_same() -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    committee = Committee(chance=random.Random(seed))
    kinds = [event.type for _ in range(FIRST_SEED + EPOCH) for event in _list_events(committee.step())]
    assert kinds.count("round_signed") == 3
    assert "round_delayed" not in kinds
    assert len({store.app_hash for store in committee.stores.values()}) == 1


def _list_events(result: abci.ResponseFinalizeBlock) -> list[abci.Event]:
    return [*result.events, *(event for tx in result.tx_results for event in tx.events)]


def test_prepare_proposal__a_round_to_sign__begins_with_its_signature(committee: Committee) -> None:
    (signature,) = committee.propose()
    assert (signature[:1], len(signature)) == (MARK, 49)
    committee.decide([signature])
    logged = read_block(committee.stores[BOB].latest.records, FIRST_SEED)
    assert logged is not None
    assert [result.code for result in logged.result.tx_results] == [0]


def test_check_tx__a_rounds_signature__never_waits_for_a_block(committee: Committee) -> None:
    (signature,) = committee.propose()
    checked = ask(committee.engines[ANN], abci.Request(check_tx=abci.RequestCheckTx(tx=signature)))
    assert checked.check_tx.log.startswith("tx_malformed")


def test_process_proposal__a_forged_signature_or_two__is_rejected(committee: Committee) -> None:
    (signature,) = committee.propose()
    forged = signature[:-1] + bytes([signature[-1] ^ 1])
    for txs in ([forged], [signature, signature], [MARK + bytes(48)], [signature + b"\0"], [MARK]):
        assert committee.process(txs) == {REJECT}
    assert committee.process([signature]) == {ACCEPT}
    committee.decide([signature])
    assert committee.process([signature]) == {REJECT}


def test_process_proposal__without_the_signature__is_accepted_and_the_round_is_late(committee: Committee) -> None:
    assert events(committee.decide([]), "round_delayed")
    assert committee.place.phase is Phase.SEED
    assert events(committee.step(), "round_signed")


def test_finalize_block__a_signature_that_was_not_processed__changes_nothing_but_its_result(
    committee: Committee,
) -> None:
    block = abci.Request(finalize_block=committee.make_block([MARK + bytes(48)]))
    for engine in committee.engines.values():
        assert ask(engine, block).finalize_block.tx_results[0].log.startswith("beacon_output_invalid")


@pytest.mark.parametrize("silent", [{DAN}, {ANN}])
def test_one_that_carries_nothing__is_not_missed(silent: set[Person]) -> None:
    committee = Committee(silent=silent)
    committee.run_to(FIRST_SEED - 1)
    assert events(committee.step(), "round_signed")


def test_half_that_carry_nothing__delay_the_round_and_the_chain_goes_on() -> None:
    committee = Committee(silent={CAT, DAN})
    committee.run_to(FIRST_SEED - 1)
    for _ in range(5):
        assert events(committee.step(), "round_delayed")
    assert committee.place.phase is Phase.SEED
    committee.silent = set()
    committee.step()
    assert events(committee.step(), "round_signed")
    committee.step()
    assert committee.place.phase is Phase.SPRINT


def test_a_late_vote_that_nobody_checked__is_left_out_of_the_signature(committee: Committee) -> None:
    """CometBFT does not ask about a vote that comes after its block is decided."""
    right = committee.propose()
    committee.spoil = lambda person, extension: extension[::-1] if person == BOB else extension
    assert committee.propose() == right
    committee.spoil = lambda person, extension: b"x" * (1 << 20) if person == BOB else extension
    assert committee.propose() == right
    committee.spoil = lambda person, _: committee.carried[ANN if person == BOB else BOB]
    assert committee.propose() == []


def test_verify_vote_extension__what_is_not_its_own__is_rejected() -> None:
    committee = Committee()
    committee.run_to(FIRST_SEED - 2)
    block_hash = bytes(range(32))
    mine = committee.extend(ANN, block_hash)
    assert len(mine) == 48 * 32
    good, bad = {abci.ResponseVerifyVoteExtension.ACCEPT}, {abci.ResponseVerifyVoteExtension.REJECT}
    assert committee.verify(ANN, block_hash, mine) == good
    assert committee.verify(ANN, block_hash, b"") == good
    for extension in (mine[:-48], mine + mine[:48], mine[:48] * 32, bytes(len(mine)), b"x", b"x" * (1 << 20)):
        assert committee.verify(ANN, block_hash, extension) == bad
    assert committee.verify(BOB, block_hash, mine) == bad
    assert committee.verify(ANN, bytes(32), mine) == bad


def test_extend_vote__far_from_a_round__carries_nothing() -> None:
    committee = Committee()
    committee.run_to(4)
    assert committee.carried == dict.fromkeys(PEOPLE, b"")
    rejected = {abci.ResponseVerifyVoteExtension.REJECT}
    assert committee.verify(ANN, bytes(32), b"x") == rejected


def test_who_misses_more_than_half_of_the_window__loses_its_power_over_abci() -> None:
    committee = Committee(absent={DAN})
    window = PARAMS.stake.downtime_window_blocks
    updates = []
    for _ in range(window // 2 + 3):
        updates += [
            (committee.height, update.power)
            for update in committee.step().validator_updates
            if update.pub_key.ed25519 == consensus_pubkey(DAN)
        ]
    assert updates[-1] == (window // 2 + 2, 0)  # the first block has no votes before it
    assert len(get_validators(committee.stores[BOB].latest)) == 3


def test_evidence_of_two_blocks_signed__slashes_and_retires_over_abci(committee: Committee) -> None:
    validator = abci.Validator(address=address_of(DAN), power=1)
    shown = abci.Misbehavior(type=abci.DUPLICATE_VOTE, validator=validator, height=3, total_voting_power=4)
    committee.evidence = (shown,)
    result = committee.step()
    assert [event.type for event in result.events if event.type in {"double_signed", "slashed"}] == [
        "double_signed",
        "slashed",
    ]
    assert [(u.pub_key.ed25519, u.power) for u in result.validator_updates] == [(consensus_pubkey(DAN), 0)]
    for store in committee.stores.values():
        assert is_retired(store.latest, consensus_pubkey(DAN))
        assert find_host(store.latest, Host(DAN.address)).jailed_until_epoch > 1
    committee.run_to(FIRST_SEED + EPOCH + 2)
    with open_node(Store.in_memory(), GENESIS) as node:
        for logged in scan_blocks(committee.stores[CAT].latest.records):
            node.engine.take_block(logged)
        assert node.store.app_hash == committee.stores[CAT].app_hash

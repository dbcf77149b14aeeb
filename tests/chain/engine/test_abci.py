"""ABCI's methods over a real state machine, as CometBFT calls them."""

import asyncio
import json
import random
from pathlib import Path

import pytest

from chain.engine.abci import OPEN_LANE, AbciEngine, describe_app_state, encode_fitting
from chain.engine.abci_frames import FrameError
from chain.engine.application import BlockResult, Event, TxResult
from chain.engine.blocklog import LoggedBlock, read_block
from chain.modules.bank.coins import make_coin
from chain.modules.sprint.state import get_epoch_start
from chain.modules.stake.state import get_weights
from chain.process import open_node
from chain.store.errors import StoreError
from chain.store.store import Store
from rules.errors import RuleError
from rules.params import GNK
from tests.chain.engine.abci_grammar import Grammar
from tests.chain.engine.abci_node import (
    COMMIT,
    INFO,
    ask_engine,
    check,
    consensus_pubkey,
    finalize,
    init_chain,
    make_validator_genesis,
    open_abci,
)
from tests.chain.ledger import ANN, BOB, CAT, Ledger, Person, code_of, make_genesis
from tests.chain.test_proposal import commit
from wire.gonka.stake.v1.tx_pb2 import MsgStake

from cosmos.bank.v1beta1.bank_pb2 import Input, Output
from cosmos.bank.v1beta1.tx_pb2 import MsgMultiSend, MsgSend
from tendermint.abci import types_pb2 as abci

GENESIS = make_validator_genesis()
HEIGHTS = 150


def ask(engine: AbciEngine, request: abci.Request) -> abci.Response:
    return asyncio.run(ask_engine(engine, request))


def make_block(engine: AbciEngine, height: int, *txs: bytes) -> abci.ResponseFinalizeBlock:
    response = ask(engine, finalize(height, txs)).finalize_block
    ask(engine, COMMIT)
    return response


def tx(store: Store, by: Person = ANN, **changes: object) -> bytes:
    """A send, right in all but what `changes` says."""
    message = MsgSend(from_address=by.text, to_address=BOB.text, amount=[make_coin(5)])
    return Ledger(store=store, genesis=GENESIS).tx(message, by=(by,), **changes)


@pytest.fixture
def store() -> Store:
    return Store.in_memory()


@pytest.fixture
def engine(store: Store) -> AbciEngine:
    """At height 1."""
    engine = open_abci(store, GENESIS)
    ask(engine, init_chain(GENESIS))
    make_block(engine, 1)
    return engine


def test_init_chain__the_genesis_of_this_home__gives_its_validators(store: Store) -> None:
    engine = open_abci(store, GENESIS)
    assert ask(engine, INFO).info.last_block_height == 0
    response = ask(engine, init_chain(GENESIS)).init_chain
    assert [update.pub_key.ed25519 for update in response.validators] == [consensus_pubkey(ANN)]
    assert response.validators[0].power > 0
    assert response.app_hash == store.app_hash


def test_init_chain__again_before_the_first_block__is_the_same(store: Store) -> None:
    engine = open_abci(store, GENESIS)
    assert ask(engine, init_chain(GENESIS)) == ask(engine, init_chain(GENESIS))
    assert make_block(engine, 1).app_hash == store.app_hash


@pytest.mark.parametrize(
    "change",
    [
        {"app_state_bytes": b"{}"},
        {"app_state_bytes": json.dumps(describe_app_state(b"another")).encode()},
        {"app_state_bytes": b"\xff"},
        {"initial_height": 5},
    ],
)
def test_init_chain__another_genesis__stops_the_node(store: Store, change: dict[str, object]) -> None:
    request = init_chain(GENESIS)
    request.init_chain.MergeFrom(abci.RequestInitChain(**change))
    with pytest.raises(RuleError, match="genesis_invalid"):
        ask(open_abci(store, GENESIS), request)


def test_init_chain__nobody_has_a_consensus_key__stops_the_node(store: Store) -> None:
    genesis = make_genesis()
    with pytest.raises(RuleError, match="nobody could sign a block"):
        ask(open_abci(store, genesis), init_chain(genesis))


def test_check_tx__good_bad_and_again__has_the_rules_codes(engine: AbciEngine, store: Store) -> None:
    good = tx(store)
    assert ask(engine, check(good)).check_tx.code == 0
    assert code_of(ask(engine, check(good)).check_tx) == "sequence_mismatch"
    assert code_of(ask(engine, check(b"\xff")).check_tx) == "tx_malformed"
    make_block(engine, 2)
    assert ask(engine, check(good, recheck=True)).check_tx.code == 0
    make_block(engine, 3, good)
    assert code_of(ask(engine, check(good, recheck=True)).check_tx) == "sequence_mismatch"


def test_check_tx__the_mempool_full_of_what_pays__still_takes_duties(engine: AbciEngine, store: Store) -> None:
    ledger = Ledger(store=store, genesis=GENESIS)
    make_block(engine, 2, ledger.tx(MsgStake(host=BOB.text, amount_ngonka=10 * GNK), by=(BOB,)))
    outputs = [Output(address=CAT.text, coins=[make_coin(1)]) for _ in range(9_000)]
    many = MsgMultiSend(inputs=[Input(address=ANN.text, coins=[make_coin(9_000)])], outputs=outputs)
    codes = []
    while "mempool_full" not in codes:
        longest = ledger.tx(many, by=(ANN,), gas=190 * 10**6, sequences=(len(codes),))
        codes.append(code_of(ask(engine, check(longest)).check_tx))
    assert codes == [""] * (OPEN_LANE.max_bytes // len(longest)) + ["mempool_full"]
    duty = ledger.tx(commit(BOB), by=(BOB,), fee=0)
    assert ask(engine, check(duty)).check_tx.code == 0
    make_block(engine, 3)
    assert code_of(ask(engine, check(tx(store))).check_tx) == ""


def prepare(height: int, *txs: bytes, max_tx_bytes: int = 10**6) -> abci.Request:
    request = abci.RequestPrepareProposal(height=height, txs=txs, max_tx_bytes=max_tx_bytes)
    request.time.CopyFrom(finalize(height).finalize_block.time)
    return abci.Request(prepare_proposal=request)


def process(height: int, *txs: bytes) -> abci.Request:
    block = finalize(height, txs).finalize_block
    return abci.Request(
        process_proposal=abci.RequestProcessProposal(height=height, txs=txs, time=block.time, hash=block.hash)
    )


def test_prepare_proposal__what_is_stale_forged_or_garbage__is_left_out_and_the_rest_accepted(
    engine: AbciEngine, store: Store
) -> None:
    good, other = tx(store), tx(store, by=BOB)
    offered = (b"garbage", good, good, tx(store, by=BOB, chain_id="another-1"), other, tx(store, sequences=(7,)))
    prepared = tuple(ask(engine, prepare(2, *offered)).prepare_proposal.txs)
    assert prepared == (good, other)
    assert ask(engine, process(2, *prepared)).process_proposal.status == abci.ResponseProcessProposal.ACCEPT


def test_prepare_proposal__little_room__leaves_some_for_cometbfts_overhead(engine: AbciEngine, store: Store) -> None:
    txs = tuple(tx(store, sequences=(i,)) for i in range(3))
    room = sum(map(len, txs))
    assert len(ask(engine, prepare(2, *txs, max_tx_bytes=room)).prepare_proposal.txs) == 2
    assert len(ask(engine, prepare(2, *txs, max_tx_bytes=room + 18)).prepare_proposal.txs) == 3


@pytest.mark.parametrize("bad", ["garbage", "forged", "stale", "twice"])
def test_process_proposal__an_invalid_transaction__is_rejected(engine: AbciEngine, store: Store, bad: str) -> None:
    good = tx(store)
    txs = {
        "garbage": (good, b"\xff"),
        "forged": (tx(store, chain_id="another-1"),),
        "stale": (tx(store, sequences=(7,)),),
        "twice": (good, good),
    }[bad]
    assert ask(engine, process(2, *txs)).process_proposal.status == abci.ResponseProcessProposal.REJECT
    assert ask(engine, process(2, good)).process_proposal.status == abci.ResponseProcessProposal.ACCEPT


def test_finalize_block__again_and_for_another_block__keeps_nothing(engine: AbciEngine, store: Store) -> None:
    before = ask(engine, INFO)
    first, other = finalize(2, [tx(store)]), finalize(2, salt=b"other")
    assert ask(engine, first) == ask(engine, first) != ask(engine, other)
    assert ask(engine, INFO) == before
    expected = ask(engine, first).finalize_block
    ask(engine, COMMIT)
    assert ask(engine, INFO).info.last_block_app_hash == expected.app_hash == store.app_hash
    assert [result.code for result in expected.tx_results] == [0]


def test_a_block_with_more_events_than_a_frame_holds__is_told_without_them_and_stops_no_node() -> None:
    sent = TxResult(code=0, codespace="", log="", data=b"", gas_wanted=1, gas_used=1, events=(Event("tx", ()),))
    released = tuple(Event("released", (("host", str(host)),)) for host in range(100))
    result = BlockResult(tx_results=(sent,), events=released, app_hash=bytes(32), validator_updates=())
    whole = encode_fitting(result, 10**6)[1]
    assert encode_fitting(result, len(whole)) == (result, whole)
    silent, encoded = encode_fitting(result, len(whole) - 1)
    read = abci.ResponseFinalizeBlock.FromString(encoded)
    assert (silent.events, list(read.events), read.app_hash) == ((), [], bytes(32))
    assert [one.type for one in read.tx_results[0].events] == ["tx"]


def test_commit__a_block__is_in_the_log_with_its_hashes(engine: AbciEngine, store: Store) -> None:
    request = finalize(2, [tx(store)]).finalize_block
    make_block(engine, 2, *request.txs)
    logged = read_block(store.latest.records, 2)
    assert logged is not None
    assert (logged.block.hash, logged.block.txs) == (request.hash, tuple(request.txs))
    assert logged.block.last_hash == finalize(1).finalize_block.hash


def test_the_epochs_settle_over_abci_and_the_set_of_validators_follows(store: Store) -> None:
    """Bob, a founder with a consensus key, does nothing; the chain of the two goes on through two SETTLEs."""
    genesis = make_validator_genesis((ANN, BOB))
    engine = open_abci(store, genesis)
    first = ask(engine, init_chain(genesis)).init_chain.validators
    powers = {update.pub_key.ed25519: update.power for update in first}
    assert set(powers) == {consensus_pubkey(ANN), consensus_pubkey(BOB)}
    for height in range(1, 70):
        for update in make_block(engine, height).validator_updates:
            powers[update.pub_key.ed25519] = update.power
            assert update.power >= 0
    assert any(power > 0 for power in powers.values())


def test_commit__the_disk_full__stops_and_goes_on_with_room(tmp_path: Path) -> None:
    store = Store.open(tmp_path, map_size=1 << 20)
    engine = open_abci(store, GENESIS)
    ask(engine, init_chain(GENESIS))
    with pytest.raises(StoreError, match="store_full"):
        fill(engine, store)
    height, app_hash = store.height, store.app_hash
    store.close()
    store = Store.open(tmp_path, map_size=1 << 24)
    engine = open_abci(store, GENESIS)
    info = ask(engine, INFO).info
    assert (info.last_block_height, info.last_block_app_hash) == (height, app_hash)
    make_block(engine, height + 1)
    assert store.height == height + 1
    store.close()


def fill(engine: AbciEngine, store: Store) -> None:
    for height in range(1, 2000):
        make_block(engine, height, b"\xff" * 5000)


def test_commit__nothing_finalised__is_a_mistake_of_cometbft(engine: AbciEngine) -> None:
    with pytest.raises(AssertionError, match="before it finalises"):
        ask(engine, COMMIT)


def test_finalize_block__a_height_that_does_not_follow__is_a_mistake_of_cometbft(engine: AbciEngine) -> None:
    with pytest.raises(AssertionError, match="finalises block 5 after block 1"):
        ask(engine, finalize(5))


def test_finalize_block__the_clock_jumps_far_ahead_and_back__moves_nothing_but_the_time(store: Store) -> None:
    """Heights, not times, end phases; CometBFT keeps its own times rising, and ours would not mind."""
    other = open_abci(still := Store.in_memory(), GENESIS)
    engine = open_abci(store, GENESIS)
    for each in (engine, other):
        ask(each, init_chain(GENESIS))
    for height in range(1, 40):
        jumped = finalize(height)
        jumped.finalize_block.time.seconds += {7: 10**10, 8: -(10**9), 30: 10**10}.get(height, 0)
        for each, request in ((engine, jumped), (other, finalize(height))):
            ask(each, request)
            ask(each, COMMIT)
    assert get_epoch_start(store.latest) == get_epoch_start(still.latest)
    assert get_weights(store.latest, 1) == get_weights(still.latest, 1)


def test_answer__a_request_of_no_kind__is_no_frame(engine: AbciEngine) -> None:
    with pytest.raises(FrameError):
        ask(engine, abci.Request())


def test_votes_are_not_extended_and_snapshots_not_taken(engine: AbciEngine) -> None:
    assert ask(engine, abci.Request(extend_vote=abci.RequestExtendVote(height=2))).extend_vote.vote_extension == b""
    verify = abci.RequestVerifyVoteExtension(height=2)
    response = ask(engine, abci.Request(verify_vote_extension=verify)).verify_vote_extension
    assert response.status == abci.ResponseVerifyVoteExtension.ACCEPT
    verify.vote_extension = b"x"
    response = ask(engine, abci.Request(verify_vote_extension=verify)).verify_vote_extension
    assert response.status == abci.ResponseVerifyVoteExtension.REJECT
    assert not ask(engine, abci.Request(list_snapshots=abci.RequestListSnapshots())).list_snapshots.snapshots
    offer = ask(engine, abci.Request(offer_snapshot=abci.RequestOfferSnapshot())).offer_snapshot
    assert offer.result == abci.ResponseOfferSnapshot.ABORT
    chunk = ask(engine, abci.Request(load_snapshot_chunk=abci.RequestLoadSnapshotChunk())).load_snapshot_chunk
    assert chunk.chunk == b""
    applied = ask(engine, abci.Request(apply_snapshot_chunk=abci.RequestApplySnapshotChunk(chunk=b"x")))
    assert applied.apply_snapshot_chunk.result == abci.ResponseApplySnapshotChunk.ABORT


class Reopened:
    """A node in this process, that forgets all but its store when it is killed."""

    def __init__(self, path: Path, genesis: bytes) -> None:
        self.path = path
        self.genesis = genesis
        self.open()

    def open(self) -> None:
        self.store = Store.open(self.path)
        self.engine = open_abci(self.store, self.genesis)

    async def ask(self, request: abci.Request) -> abci.Response:
        return await ask_engine(self.engine, request)

    async def kill(self, during: abci.Request) -> None:
        self.store.close()

    async def restart(self) -> None:
        self.open()


@pytest.mark.timeout(120)
def test_calls_at_random_with_kills_between_them_give_the_local_engines_app_hashes(tmp_path: Path) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    genesis = make_validator_genesis((ANN, BOB))
    node = Reopened(tmp_path / "store", genesis)
    grammar = Grammar(node=node, genesis=genesis, chance=random.Random(seed), kills_in_1000=40)
    asyncio.run(grammar.run(HEIGHTS))
    node.store.close()
    assert grammar.kills > 10
    assert sum(len(request.finalize_block.txs) for request in grammar.decided) > HEIGHTS // 4
    assert replay(grammar.blocks(), genesis) == grammar.hashes


def replay(blocks: list[LoggedBlock], genesis: bytes) -> dict[int, bytes]:
    """App hash by height, where the local engine takes the blocks."""
    hashes = {}
    with open_node(Store.in_memory(), genesis) as node:
        for logged in blocks:
            node.engine.take_block(logged)
            hashes[logged.block.height] = node.store.app_hash
    return hashes

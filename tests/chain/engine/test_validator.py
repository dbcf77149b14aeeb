"""Headers and commits of the local engine, as CometBFT's light clients check them."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from chain.engine.application import Block, BlockResult, TxResult
from chain.engine.cometbft_home import make_consensus_key
from chain.engine.errors import EngineError
from chain.engine.headerlog import read_signed_header
from chain.engine.local import EngineConfig, LocalEngine
from chain.engine.validator import NOBODY, Validator
from chain.store.errors import StoreError
from chain.store.store import Store
from tests.chain.engine.counter import Counter
from wire.headers import EMPTY_ROOT, encode_vote, hash_commit, hash_header, hash_results, hash_txs, hash_validators

from tendermint.abci.types_pb2 import ExecTxResult
from tendermint.types.types_pb2 import Header

CONFIG = EngineConfig(chain_id="counter-1", block_ms=1)
BLOCK = Block(
    height=1,
    time_ns=1_700_000_000_000_000_001,
    hash=b"",
    last_hash=bytes(32),
    proposer=NOBODY.address,
    txs=(b"a", b"b"),
)
RESULT = BlockResult(
    tx_results=(
        TxResult(code=0, codespace="", log="", data=b"d", gas_wanted=3, gas_used=2, events=()),
        TxResult(code=5, codespace="c", log="no", data=b"", gas_wanted=1, gas_used=0, events=()),
    ),
    events=(),
    app_hash=b"\x07" * 32,
    validator_updates=(),
)


def make_header(block: Block = BLOCK, chain_id: str = "gonka-test", app_hash: bytes = bytes(32)) -> Header:
    return NOBODY.build_header(block, chain_id=chain_id, app_hash=app_hash, last=None, last_result=None)


def test_build_header__a_known_block__has_the_pinned_hash() -> None:
    assert hash_header(make_header()).hex() == "d676befb0c122d45d5bb10e63be7eec5493074a68282c3f51b9db6757dcf72d4"


@pytest.mark.parametrize(
    "changed",
    [
        make_header(replace(BLOCK, height=2)),
        make_header(replace(BLOCK, time_ns=BLOCK.time_ns + 1)),
        make_header(replace(BLOCK, txs=(b"b", b"a"))),
        make_header(replace(BLOCK, txs=(b"ab",))),
        make_header(chain_id="gonka"),
        make_header(app_hash=b"\x01" * 32),
        NOBODY.build_header(BLOCK, chain_id="gonka-test", app_hash=bytes(32), last=None, last_result=RESULT),
    ],
    ids=["height", "time", "order of txs", "joined txs", "chain", "app hash", "last results"],
)
def test_build_header__anything_changed__has_another_hash(changed: Header) -> None:
    assert hash_header(changed) != hash_header(make_header())


def test_blocks_are_signed_and_lead_to_each_other() -> None:
    store = Store.in_memory()
    validator = Validator.from_seed(b"\x01" * 32)
    engine = LocalEngine.open(Counter(store), store, config=CONFIG, genesis=b"genesis", validator=validator)
    before = None
    for count in range(1, 4):
        app_hash, last = store.app_hash, engine.last
        engine.submit(b"a %d" % count)
        logged = engine.make_block(count * 1000)
        signed = read_signed_header(store.latest.records, count)
        assert signed is not None
        header, commit = signed.header, signed.commit
        assert logged.block.hash == hash_header(header) == commit.block_id.hash
        assert (header.app_hash, header.data_hash) == (app_hash, hash_txs(logged.block.txs))
        assert header.validators_hash == header.next_validators_hash == hash_validators(validator.set)
        assert header.last_block_id.hash == (before.commit.block_id.hash if before else b"")
        assert header.last_commit_hash == (hash_commit(before.commit) if before else EMPTY_ROOT)
        results = [ExecTxResult(code=0, gas_wanted=1, gas_used=1)] if last else []
        assert header.last_results_hash == hash_results(results)
        document = encode_vote("counter-1", commit, commit.signatures[0].timestamp)
        key = Ed25519PublicKey.from_public_bytes(validator.public_key)
        key.verify(commit.signatures[0].signature, document)
        with pytest.raises(InvalidSignature):
            key.verify(commit.signatures[0].signature, document[:-1] + b"2")
        before = signed


def test_open__blocks_of_another_key__is_refused() -> None:
    store = Store.in_memory()
    LocalEngine.open(Counter(store), store, config=CONFIG, genesis=b"genesis").make_block(1)
    with pytest.raises(StoreError, match="another consensus key"):
        LocalEngine.open(
            Counter(store), store, config=CONFIG, genesis=b"genesis", validator=Validator.from_seed(b"\x01" * 32)
        )


def test_read__a_file_as_cometbft_keeps_it__gives_its_key(tmp_path: Path) -> None:
    path = tmp_path / "key.json"
    make_consensus_key(path)
    assert Validator.read(path).address.hex().upper() == json.loads(path.read_text())["address"]


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"priv_key": {}}', '{"priv_key": {"value": "!"}}', '{"priv_key": {"value": "AAAA"}}']
)
def test_read__no_key__is_refused_with_a_code(tmp_path: Path, text: str) -> None:
    path = tmp_path / "key.json"
    path.write_text(text)
    with pytest.raises(EngineError, match="consensus_key_unreadable"):
        Validator.read(path)

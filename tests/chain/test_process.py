"""A home, a port, a lock: how the chain process begins and ends."""

import asyncio
import socket
from pathlib import Path

import grpc
import pytest

from chain.api.listening import Interfaces
from chain.engine.errors import EngineError
from chain.process import BEACON_KEY_FILE, GENESIS_FILE, ChainConfig, keep_beacon_secret, serve
from chain.store.errors import StoreError
from rules.errors import RuleError
from rules.presets import MAINNET
from tests.chain.api.running import run_chain
from tests.chain.ledger import ANN, make_genesis
from wire.gonka.sprint.v1.query_pb2 import FollowRequest
from wire.gonka.sprint.v1.query_pb2_grpc import BlocksStub
from wire.notify import ServiceManager

TIMEOUT_S = 10


def read_height(address: str) -> int:
    with grpc.insecure_channel(address) as channel:
        return int(next(BlocksStub(channel).Follow(FollowRequest(), timeout=TIMEOUT_S)).height)


def test_the_address_file_says_where_a_running_chain_listens_and_goes_with_it(tmp_path: Path) -> None:
    with run_chain(tmp_path) as address:
        assert (tmp_path / "grpc-address").read_text().strip() == address
    assert not (tmp_path / "grpc-address").exists()


def test_a_stopped_chain_goes_on_where_it_was(tmp_path: Path) -> None:
    with run_chain(tmp_path) as address:
        before = read_height(address)
    with run_chain(tmp_path) as address:
        assert read_height(address) >= before


def test_a_second_process_on_the_same_home_is_refused_and_the_first_runs_on(tmp_path: Path) -> None:
    with run_chain(tmp_path) as address:
        with pytest.raises(StoreError) as caught, run_chain(tmp_path):
            pass
        assert caught.value.code == "store_locked"
        assert (tmp_path / "grpc-address").read_text().strip() == address
        assert read_height(address) >= 1


def test_another_genesis_on_the_same_store_is_refused(tmp_path: Path) -> None:
    with run_chain(tmp_path):
        pass
    (tmp_path / GENESIS_FILE).write_bytes(make_genesis(hosts=(ANN,)))
    with pytest.raises(StoreError) as caught, run_chain(tmp_path):
        pass
    assert caught.value.code == "store_foreign"


@pytest.mark.parametrize("content", [None, b"", b"{", b"\xff\xfe", b'{"chain_id": "x"}'])
def test_a_genesis_file_that_cannot_be_read_is_refused(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / GENESIS_FILE).write_bytes(content)
    config = ChainConfig(home=tmp_path, interfaces=Interfaces(grpc="127.0.0.1:0"))
    with pytest.raises(RuleError) as caught:
        asyncio.run(serve(config, ServiceManager(), print, asyncio.Event()))
    assert caught.value.code == "genesis_invalid"


def test_an_address_that_is_taken_is_refused(tmp_path: Path) -> None:
    (tmp_path / GENESIS_FILE).write_bytes(make_genesis())
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        config = ChainConfig(home=tmp_path, interfaces=Interfaces(grpc=f"127.0.0.1:{taken.getsockname()[1]}"))
        with pytest.raises(OSError, match="cannot listen"):
            asyncio.run(serve(config, ServiceManager(), print, asyncio.Event()))


def test_the_service_manager_hears_that_the_chain_is_ready_lives_and_stops(tmp_path: Path) -> None:
    (tmp_path / GENESIS_FILE).write_bytes(make_genesis())
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(path)
        listener.settimeout(TIMEOUT_S)

        async def run() -> None:
            stopping = asyncio.Event()
            asyncio.get_running_loop().call_later(0.5, stopping.set)
            config = ChainConfig(home=tmp_path, interfaces=Interfaces(grpc="127.0.0.1:0"), block_ms=50)
            manager = ServiceManager(address=path, watchdog_s=0.2)  # the socket holds ten words
            await serve(config, manager, lambda _address: None, stopping)

        asyncio.run(run())
        heard = [listener.recv(64) for _ in range(3)]
        while heard[-1] != b"STOPPING=1":
            heard.append(listener.recv(64))
    assert heard[0] == b"READY=1"
    assert set(heard[1:-1]) == {b"WATCHDOG=1"}


def test_keep_beacon_secret__the_first_time__is_made_for_this_user_and_kept(tmp_path: Path) -> None:
    secret = keep_beacon_secret(tmp_path)
    assert keep_beacon_secret(tmp_path) == secret
    assert (tmp_path / BEACON_KEY_FILE).stat().st_mode & 0o777 == 0o600


def test_keep_beacon_secret__a_damaged_file__is_refused_and_left(tmp_path: Path) -> None:
    (tmp_path / BEACON_KEY_FILE).write_text("damaged")
    with pytest.raises(EngineError) as caught:
        keep_beacon_secret(tmp_path)
    assert caught.value.code == "beacon_key_unreadable"
    assert (tmp_path / BEACON_KEY_FILE).read_text() == "damaged"


def test_seeds_that_are_signed_in_votes_need_cometbft(tmp_path: Path) -> None:
    (tmp_path / GENESIS_FILE).write_bytes(make_genesis(MAINNET))
    with pytest.raises(RuleError, match="start it with --engine cometbft"), run_chain(tmp_path, MAINNET):
        pass

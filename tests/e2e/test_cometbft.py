"""One validator on CometBFT: an unmodified cosmpy, SIGKILL of either process, and the local engine's app hashes.

Needs the program: `make cometbft`.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import grpc
import pytest
from cosmpy.crypto.address import Address

from chain.store.proofs import check_presence
from commands.ports import find_free_port
from tests.chain.api.test_cosmpy import connect, wallet
from tests.chain.ledger import ANN, BOB, CHAIN_ID

from cosmos.base.tendermint.v1beta1.query_pb2 import GetLatestValidatorSetRequest
from cosmos.base.tendermint.v1beta1.query_pb2_grpc import ServiceStub
from cosmos.crypto.ed25519.keys_pb2 import PubKey
from cosmos.tx.v1beta1.service_pb2 import BROADCAST_MODE_SYNC, BroadcastTxRequest

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

ROOT = Path(__file__).parents[2]
TIMEOUT_S = 60
AMOUNT = 12_345


def gnk(*words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cli", *words]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=TIMEOUT_S, cwd=ROOT, env={**os.environ, **environ}, check=False
    )


def init(home: Path, preset: str = "minimal") -> None:
    key = home / "cometbft" / "config" / "priv_validator_key.json"
    accounts = [word for person in (ANN, BOB) for word in ("--account", f"{person.text}=1000")]
    hosts = ["--host", ANN.text, "--host", BOB.text, "--consensus-key", f"{ANN.text}={key}"]
    done = gnk("chain", "init", "--home", str(home), "--preset", preset, "--chain-id", CHAIN_ID, *accounts, *hosts)
    assert done.returncode == 0, done.stderr


class Validator:
    """`gnk chain start --engine cometbft` in `home`, started again as often as the test likes."""

    def __init__(self, home: Path, p2p: str = "127.0.0.1:0", peers: tuple[str, ...] = ()) -> None:
        self.home = home
        self.network = ["--p2p", p2p, *(word for peer in peers for word in ("--peer", peer))]
        self.rpc = f"127.0.0.1:{find_free_port()}"
        self.process: subprocess.Popen[bytes]
        self.address = ""

    def start(self) -> None:
        self.launch()
        self.await_api()

    def launch(self) -> None:
        words = ["chain", "start", "--engine", "cometbft", "--home", str(self.home), "--grpc", "127.0.0.1:0"]
        (self.home / "grpc-address").unlink(missing_ok=True)
        with (self.home / "log").open("ab") as log:
            command = [sys.executable, "-m", "cli", *words, "--rpc", self.rpc, *self.network]
            self.process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)

    def await_api(self) -> None:
        await_that(lambda: (self.home / "grpc-address").exists() or self.process.poll() is not None)
        assert self.process.poll() is None, (self.home / "log").read_text()[-3000:]
        self.address = (self.home / "grpc-address").read_text().strip()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(TIMEOUT_S)

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(TIMEOUT_S)

    @property
    def height(self) -> int:
        return int(connect(self.address).query_height())

    def await_blocks(self, count: int) -> None:
        height = self.height
        await_that(lambda: self.height >= height + count)

    def cometbft(self) -> list[int]:
        """Its process, found by its home."""
        home = str(self.home / "cometbft").encode()
        return [pid for pid in find_pids() if home in read_command(pid) and b"cometbft" in read_command(pid)[0]]

    def powers(self, height: int) -> dict[str, int]:
        """Power by consensus address, as CometBFT has it for the block of `height`."""
        found = self.ask_rpc(f"validators?height={height}&per_page=100")["validators"]
        return {validator["address"]: int(validator["voting_power"]) for validator in found}

    def ask_rpc(self, method: str) -> dict[str, Any]:
        with urllib.request.urlopen(f"http://{self.rpc}/{method}", timeout=10) as response:
            answer: dict[str, Any] = json.load(response)["result"]
        return answer


def find_pids() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]


def read_command(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return [b""]


def await_that(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + TIMEOUT_S
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture
def validator(tmp_path: Path) -> Iterator[Validator]:
    init(tmp_path)
    validator = Validator(tmp_path)
    validator.start()
    yield validator
    validator.kill()
    await_that(lambda: not validator.cometbft())


def send(validator: Validator) -> int:
    """Send from Ann to Bob with an unmodified cosmpy; the height of the block that has it."""
    client = connect(validator.address)
    before = client.query_bank_balance(Address(BOB.text))
    sent = client.send_tokens(Address(BOB.text), AMOUNT, "ngonka", wallet(ANN)).wait_to_complete()
    assert client.query_bank_balance(Address(BOB.text)) == before + AMOUNT
    return int(sent.response.height)


def export(home: Path) -> list[dict[str, Any]]:
    done = gnk("chain", "export", "--blocks", "--home", str(home))
    assert done.returncode == 0, done.stderr
    (home / "blocks").write_text(done.stdout)
    return [json.loads(line) for line in done.stdout.splitlines()[1:]]


def test_kills_of_either_process_lose_nothing_and_the_local_engine_comes_to_the_same_app_hashes(
    validator: Validator,
) -> None:
    heights = [send(validator)]
    validator.kill()
    await_that(lambda: not validator.cometbft())
    validator.start()
    heights.append(send(validator))
    (cometbft,) = validator.cometbft()
    os.kill(cometbft, signal.SIGKILL)
    await_that(lambda: validator.cometbft() not in ([], [cometbft]))
    validator.await_blocks(2)
    heights.append(send(validator))
    validator.await_blocks(30)
    check_powers(validator)
    headers = {height: validator.ask_rpc(f"header?height={height + 1}")["header"]["app_hash"] for height in heights}
    assert validator.stop() == 0
    assert not validator.cometbft()
    blocks = export(validator.home)
    hashes = {block["height"]: block["app_hash"] for block in blocks}
    assert list(hashes) == list(range(1, len(blocks) + 1))
    assert {height: hashes[height].upper() for height in heights} == headers
    assert [len(blocks[height - 1]["txs"]) for height in heights] == [1, 1, 1]
    for seed, words in (("1", ()), ("2", ("--restart-each-block",))):
        done = gnk("chain", "replay", str(validator.home / "blocks"), *words, PYTHONHASHSEED=seed)
        assert done.returncode == 0, done.stderr
        replayed = [json.loads(line) for line in done.stdout.splitlines()]
        assert {line["height"]: line["app_hash"] for line in replayed} == hashes


def test_a_broadcast_has_the_rules_codes_and_a_proof_leads_to_a_header(validator: Validator) -> None:
    client = connect(validator.address)
    request = BroadcastTxRequest(tx_bytes=b"\xff", mode=BROADCAST_MODE_SYNC)
    refused = client.txs.BroadcastTx(request).tx_response
    assert (refused.codespace, refused.raw_log.partition(":")[0]) == ("gonka", "tx_malformed")
    assert client.txs.BroadcastTx(request).tx_response.code > 0
    info = validator.ask_rpc("abci_info")["response"]
    assert (info["data"], validator.ask_rpc("status")["node_info"]["version"]) == ("gnk", "0.38.25")
    key = b"app/chain_id"
    answer = validator.ask_rpc(f"abci_query?path=%22/key%22&data=0x{key.hex()}&prove=true")["response"]
    assert b64decode(answer["value"]) == CHAIN_ID.encode()
    height = int(answer["height"])
    await_that(lambda: validator.height > height)
    header = validator.ask_rpc(f"header?height={height + 1}")["header"]
    (op,) = answer["proofOps"]["ops"]
    app_hash = bytes.fromhex(header["app_hash"])
    check_presence(b64decode(op["data"]), app_hash=app_hash, key=key, value=CHAIN_ID.encode())


def test_cometbft_indexes_transactions_for_its_rpc_alone_and_begins_anew_when_its_index_was_removed(
    validator: Validator,
) -> None:
    index = validator.home / "cometbft" / "data" / "tx_index.db"

    def find(height: int) -> int:
        return int(validator.ask_rpc(f"tx_search?query=%22tx.height={height}%22")["total_count"])

    first = send(validator)
    await_that(lambda: find(first) == 1)
    assert validator.stop() == 0
    shutil.rmtree(index)
    validator.start()
    second = send(validator)
    await_that(lambda: find(second) == 1)
    assert find(first) == 0
    assert validator.stop() == 0
    shutil.rmtree(index)
    validator.rpc = ""
    validator.start()
    send(validator)
    assert not index.exists()


def check_powers(validator: Validator) -> None:
    """Nobody sprints, so every SETTLE halves the units; CometBFT has followed from the second block after it.

    Who was away for more than half of the window is out of the set.
    """
    first = validator.powers(1)
    height = validator.height
    now = validator.powers(height)
    assert now.keys() <= first.keys()
    assert len(now) >= len(first) - 1
    assert sum(now.values()) < sum(first.values())
    assert validators_at(validator, height - 2) == now


def validators_at(validator: Validator, height: int) -> dict[str, int]:
    """Power by consensus address in the state of `height`."""
    with grpc.insecure_channel(validator.address) as channel:
        ask = ServiceStub(channel).GetLatestValidatorSet
        found = ask(GetLatestValidatorSetRequest(), metadata=[("x-cosmos-block-height", str(height))]).validators
    keys = {PubKey.FromString(one.pub_key.value).key: one.voting_power for one in found}
    return {sha256(key).hexdigest()[:40].upper(): power for key, power in keys.items()}


@contextmanager
def running(home: Path, *words: str, **environ: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "cli", "chain", "start", "--home", str(home), "--grpc", "127.0.0.1:0", *words]
    with subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, **environ}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize(
    ("words", "environ", "code"),
    [
        (("--engine", "cometbft"), {"GNK_COMETBFT": "/nowhere/cometbft"}, "cometbft_missing"),
        (("--engine", "local"), {}, "store_foreign"),
    ],
)
def test_what_cannot_be_started_has_a_code(
    validator: Validator, words: tuple[str, ...], environ: dict[str, str], code: str
) -> None:
    assert validator.stop() == 0
    with running(validator.home, *words, "--json", **environ) as process:
        _, said = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 1
    assert json.loads(said.splitlines()[-1])["error"]["code"] == code


def test_a_cometbft_that_ends_again_and_again_is_given_up(tmp_path: Path) -> None:
    init(tmp_path)
    program = tmp_path / "cometbft-that-ends"
    program.write_text("#!/bin/sh\necho out of order\nexit 3\n")
    program.chmod(0o755)
    with running(tmp_path, "--engine", "cometbft", "--json", GNK_COMETBFT=str(program)) as process:
        _, said = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 1
    error = json.loads(said.splitlines()[-1])["error"]
    assert (error["code"], "out of order" in said) == ("cometbft_failed", True)


@pytest.mark.parametrize(
    ("folder", "size", "words"),
    [("data", "512k", ()), (".", "4m", ("--block-ms", "20"))],
    ids=["the store's", "its own and CometBFT's, which fills first"],
)
def test_a_full_disk_stops_the_node_before_it_commits_and_with_room_it_goes_on(
    tmp_path: Path, folder: str, size: str, words: tuple[str, ...]
) -> None:
    """Needs to mount a small file system, as root may."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a file system that fills up")
    home = tmp_path / "home"
    disk = home / folder
    disk.mkdir(parents=True)
    mount("-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(disk))
    try:
        init(home)
        with running(home, "--engine", "cometbft", "--json", "--p2p", "127.0.0.1:0", *words) as process:
            _, said = process.communicate(timeout=10 * TIMEOUT_S)
        assert process.returncode in {1, 3}
        assert json.loads(said.splitlines()[-1])["error"]["code"] == "store_full"
        mount("-o", "remount,size=64m", str(disk))
        height = len(export(home))
        assert height > 0
        validator = Validator(home)
        validator.start()
        try:
            await_that(lambda: validator.height > height + 5)
            assert validator.stop() == 0
        finally:
            validator.kill()
        blocks = export(home)
        assert [block["height"] for block in blocks] == list(range(1, len(blocks) + 1))
    finally:
        subprocess.run(["umount", str(disk)], check=True, timeout=30)


def mount(*words: str) -> None:
    done = subprocess.run(["mount", *words], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr


def test_mainnets_parameters_start_a_chain_on_cometbft_and_on_no_other_engine(tmp_path: Path) -> None:
    init(tmp_path, preset="mainnet")
    with running(tmp_path, "--engine", "local", "--json") as process:
        _, said = process.communicate(timeout=TIMEOUT_S)
    assert json.loads(said.splitlines()[-1])["error"]["code"] == "genesis_invalid"
    validator = Validator(tmp_path)
    validator.start()
    try:
        assert validator.height >= 1
        assert (tmp_path / "beacon_key").stat().st_mode & 0o777 == 0o600
        assert validator.stop() == 0
    finally:
        validator.kill()

"""`gnk chain` as an operator types it, with real processes."""

import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from chain.store.store import DEFAULT_MAP_SIZE
from commands.chain import find_engine, start
from rules.presets import MAINNET
from tests.chain.ledger import ANN, BOB

TIMEOUT_S = 60
KILLS = 4
FOUNDED = ("init", "--chain-id", "x", "--home", "{home}", "--account", f"{ANN.text}=5", "--host", ANN.text)


def gnk(*words: str, hash_seed: str = "0") -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "PYTHONHASHSEED": hash_seed}
    return subprocess.run(
        [sys.executable, "-m", "cli", *words],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        env=environ,
        check=False,
    )


def ask(*words: str) -> dict[str, object]:
    done = gnk(*words, "--json")
    assert done.returncode == 0, done.stderr
    answer: dict[str, object] = json.loads(done.stdout)
    return answer


def init(home: Path) -> None:
    accounts = [word for person in (ANN, BOB) for word in ("--account", f"{person.text}=1000")]
    words = ["--preset", "minimal", "--chain-id", "test-1", *accounts, "--host", ANN.text, "--host", f"{BOB.text}=4000"]
    answer = ask("chain", "init", "--home", str(home), *words)
    assert (answer["accounts"], answer["hosts"]) == (2, 2)


@pytest.mark.parametrize(
    ("made", "engine"),
    [("genesis.json", "local"), ("network.json", "cometbft"), ("cometbft", "cometbft")],
    ids=["a chain of its own", "joined", "has keys"],
)
def test_find_engine__a_home_that_joined_a_network__never_makes_blocks_alone(
    tmp_path: Path, made: str, engine: str
) -> None:
    (tmp_path / made).touch()

    assert find_engine(tmp_path) == engine


@contextmanager
def running(home: Path, block_ms: int = 20) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    words = ("chain", "start", "--home", str(home), "--grpc", "127.0.0.1:0", "--block-ms", str(block_ms))
    (home / "grpc-address").unlink(missing_ok=True)
    with (
        (home / "log").open("ab") as log,
        subprocess.Popen([sys.executable, "-m", "cli", *words], stdout=log, stderr=log) as process,
    ):
        try:
            yield process, await_address(home, process)
        finally:
            process.kill()


def await_address(home: Path, process: subprocess.Popen[bytes]) -> str:
    deadline = time.monotonic() + TIMEOUT_S
    while not (home / "grpc-address").exists():
        assert process.poll() is None, (home / "log").read_text()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return (home / "grpc-address").read_text().strip()


def export_blocks(home: Path) -> list[dict[str, object]]:
    done = gnk("chain", "export", "--blocks", "--home", str(home))
    assert done.returncode == 0, done.stderr
    (home / "blocks.jsonl").write_text(done.stdout)
    return [json.loads(line) for line in done.stdout.splitlines()[1:]]


def test_a_chain_is_made_started_asked_stopped_and_exported(tmp_path: Path) -> None:
    init(tmp_path)
    with running(tmp_path) as (process, address):
        status = ask("chain", "status", "--chain", address)
        assert status["chain_id"] == "test-1"
        assert int(str(status["height"])) >= 1
        process.send_signal(signal.SIGTERM)
        assert process.wait(TIMEOUT_S) == 0
    state = ask("chain", "export", "--home", str(tmp_path))
    assert int(str(state["height"])) >= int(str(status["height"]))
    assert state["state"]
    blocks = export_blocks(tmp_path)
    assert blocks[-1]["app_hash"] == state["app_hash"]
    assert [block["height"] for block in blocks] == list(range(1, len(blocks) + 1))


def test_a_chain_killed_at_any_moment_goes_on_with_the_same_app_hashes(tmp_path: Path) -> None:
    init(tmp_path)
    rng, seen = random.Random(7), {}
    for _ in range(KILLS):
        with running(tmp_path) as (process, address):
            status = ask("chain", "status", "--chain", address)
            seen[status["height"]] = status["app_hash"]
            time.sleep(rng.uniform(0, 0.3))
            process.kill()
            process.wait(TIMEOUT_S)
    heights = [int(str(height)) for height in seen]
    assert heights == sorted(heights)
    blocks = {str(block["height"]): block["app_hash"] for block in export_blocks(tmp_path)}
    assert {height: blocks[str(height)] for height in seen} == seen


def test_a_disk_that_takes_no_more_stops_the_chain_with_a_code_and_loses_no_block(tmp_path: Path) -> None:
    init(tmp_path)
    words = ("chain", "start", "--home", str(tmp_path), "--grpc", "127.0.0.1:0", "--block-ms", "10", "--json")
    full = subprocess.run(
        [sys.executable, "-m", "cli", *words],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000)),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert full.returncode == 1
    assert json.loads(full.stderr.splitlines()[-1])["error"]["code"] in {"store_full", "store_write_failed"}
    kept = export_blocks(tmp_path)
    with running(tmp_path) as (process, _):
        process.terminate()
        process.wait(TIMEOUT_S)
    assert export_blocks(tmp_path)[: len(kept)] == kept


def test_replay_gives_the_same_app_hashes_whatever_python_hashes_by(tmp_path: Path) -> None:
    init(tmp_path)
    with running(tmp_path, block_ms=10) as (process, _):
        time.sleep(1)
        process.terminate()
        process.wait(TIMEOUT_S)
    expected = [(block["height"], block["app_hash"]) for block in export_blocks(tmp_path)]
    for hash_seed, words in (("1", ()), ("2", ("--restart-each-block",))):
        done = gnk("chain", "replay", str(tmp_path / "blocks.jsonl"), *words, hash_seed=hash_seed)
        assert done.returncode == 0, done.stderr
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        assert [(line["height"], line["app_hash"]) for line in lines] == expected


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("start", "--home", "{home}"), "genesis_invalid"),
        (("init", "--chain-id", "x", "--home", "{home}"), "genesis_invalid"),
        (("init", "--chain-id", "x", "--home", "{home}", "--account", "gonka1=5"), "address_invalid"),
        (("init", "--chain-id", "x", "--home", "{home}", "--account", f"{ANN.text}=much"), "config_invalid"),
        (
            ("init", "--chain-id", "x", "--home", "{home}", "--account", f"{ANN.text}=999999999999"),
            "genesis_invalid",
        ),
        (("init", "--chain-id", "x", "--home", "{home}", "--subsidy", "9" * 20), "genesis_invalid"),
        (
            ("init", "--chain-id", "x", "--home", "{home}", *["--account", f"{ANN.text}=5"] * 2),
            "config_invalid",
        ),
        (("export", "--home", "{home}"), "genesis_invalid"),
        ((*FOUNDED, "--consensus-key", "nobody"), "config_invalid"),
        ((*FOUNDED, "--consensus-key", f"{BOB.text}=key"), "config_invalid"),
        ((*FOUNDED, "--consensus-key", f"{ANN.text}={{home}}/garbage"), "consensus_key_unreadable"),
        (("replay", "{home}/garbage"), "block_unreadable"),
        (("start", "--home", "{home}/made", "--grpc", "256.0.0.1:1"), "listen_failed"),
        (("init", "--chain-id", "x", "--home", "{home}/made"), "genesis_exists"),
    ],
)
def test_what_cannot_be_done_is_refused_with_a_code(tmp_path: Path, words: tuple[str, ...], code: str) -> None:
    (tmp_path / "garbage").write_text("garbage\n")
    init(tmp_path / "made")
    done = gnk("chain", *(word.format(home=tmp_path) for word in words), "--json")
    assert done.returncode == 1
    assert json.loads(done.stderr.splitlines()[-1])["error"]["code"] == code


def test_the_store_has_room_for_as_many_full_blocks_as_a_node_keeps_and_as_much_again() -> None:
    keep = next(option for option in start.params if option.name == "keep_blocks").default
    assert isinstance(keep, int)
    assert 2 * keep * MAINNET.auth.max_block_bytes <= DEFAULT_MAP_SIZE

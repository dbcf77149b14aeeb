"""Sends a second in blocks of CometBFT, beside its built-in kvstore: `python -m benchmarks.cometbft [ROUNDS]`.

One validator on this machine, its RPC fed with batches of `broadcast_tx_async` as fast as its mempool takes them;
transactions of the same size, the same pace of blocks, all in turns.  Needs the program: `make cometbft`.

With CometBFT's `abci-cli` on the PATH (`go install github.com/cometbft/cometbft/abci/cmd/abci-cli@v0.38.25`) the same
kvstore is measured as a process of its own too, behind a socket as our state machine is.
"""

from __future__ import annotations

import http.client
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, TypeAlias

from chain.engine.cometbft import find_cometbft
from chain.engine.cometbft_home import MEMPOOL_TXS
from chain.modules.auth.state import get_account
from chain.modules.bank.coins import make_coin
from chain.process import GENESIS_FILE
from commands.ports import find_free_port
from tests.chain.ledger import CHAIN_ID, Draft, Person, encode, make_context, make_person
from tests.e2e.test_cometbft import Validator, await_that, gnk

from cosmos.bank.v1beta1.tx_pb2 import MsgSend

COUNT = 12_000
SENDERS = 100
BATCH = 10
"""As many as CometBFT takes in one request."""
WAITING = 6_000
"""Transactions that may wait in the mempool: more would be refused."""
BLOCK_MS = 500

Running: TypeAlias = Callable[[Path], AbstractContextManager[str]]
"""Runs a chain in a home while inside, and gives its RPC."""


def main(rounds: int) -> None:
    """Print the figures of each round and the median of their ratios; nothing is asserted."""
    people = [make_person(f"sender {number}") for number in range(SENDERS)]
    with tempfile.TemporaryDirectory() as directory:
        sends = make_sends(people, init_chain(Path(directory), people))
    pairs = [b"%08d=" % number + b"x" * (len(sends[0]) - 9) for number in range(COUNT)]
    runs: dict[str, tuple[Running, list[bytes]]] = {
        "sends": (lambda home: running_chain(home, people), sends),
        "kvstore": (running_kvstore, pairs),
    }
    if shutil.which("abci-cli"):
        runs["kvstore behind a socket"] = (running_socket_kvstore, pairs)
    ratios: dict[str, list[float]] = {name: [] for name in runs if name != "sends"}
    for _ in range(rounds):
        rates = {}
        for name, (running, txs) in runs.items():
            with tempfile.TemporaryDirectory() as directory, running(Path(directory)) as rpc:
                rates[name] = measure(rpc, txs)
        for name, found in ratios.items():
            found.append(rates["sends"] / rates[name])
        print(", ".join(f"{name} {rate:,.0f}/s" for name, rate in rates.items()), flush=True)
    for name, found in ratios.items():
        print(f"sends / {name}: {', '.join(f'{ratio:.2f}' for ratio in found)}; median {statistics.median(found):.2f}")


def make_sends(people: list[Person], genesis: bytes) -> list[bytes]:
    """COUNT sends, the senders in turns, each in the order of its sequence."""
    store = make_context(genesis).store
    accounts = [get_account(store, person.address) for person in people]
    numbers = [account.number for account in accounts if account is not None]
    txs = []
    for index in range(COUNT):
        number = index % SENDERS
        sender, other = people[number], people[number - 1]
        message = MsgSend(from_address=sender.text, to_address=other.text, amount=[make_coin(1)])
        draft = Draft(messages=(message,), signers=(sender,), sequences=(index // SENDERS,), numbers=(numbers[number],))
        txs.append(encode(draft).SerializeToString())
    return txs


def init_chain(home: Path, people: list[Person]) -> bytes:
    """A home whose chain begins with these accounts; its genesis file."""
    key = home / "cometbft" / "config" / "priv_validator_key.json"
    accounts = [word for person in people for word in ("--account", f"{person.text}={1000}")]
    founder = people[0].text
    done = gnk(
        *("chain", "init", "--home", str(home), "--preset", "local", "--chain-id", CHAIN_ID, *accounts),
        *("--host", founder, "--consensus-key", f"{founder}={key}"),
    )
    if done.returncode:
        sys.exit(done.stderr)
    return (home / GENESIS_FILE).read_bytes()


@contextmanager
def running_chain(home: Path, people: list[Person]) -> Iterator[str]:
    """The RPC of a chain with these accounts."""
    init_chain(home, people)
    validator = Validator(home)
    validator.network += ["--block-ms", str(BLOCK_MS)]
    validator.start()
    try:
        yield validator.rpc
    finally:
        validator.stop()


@contextmanager
def running_socket_kvstore(home: Path) -> Iterator[str]:
    """The RPC of CometBFT with the same application as a process of its own."""
    address = f"unix://{home}/kvstore.sock"
    with subprocess.Popen(
        ["abci-cli", "kvstore", "--address", address], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            with running_kvstore(home, address) as rpc:
                yield rpc
        finally:
            process.terminate()


@contextmanager
def running_kvstore(home: Path, application: str = "kvstore") -> Iterator[str]:
    """The RPC of CometBFT with the application that it brings along, and the configuration of a chain's."""
    program, rpc = str(find_cometbft(os.environ)), f"127.0.0.1:{find_free_port()}"
    subprocess.run([program, "init", "--home", str(home)], check=True, capture_output=True)
    config = home / "config" / "config.toml"
    changes = {
        'proxy_app = "tcp://127.0.0.1:26658"': f'proxy_app = "{application}"',
        'laddr = "tcp://127.0.0.1:26657"': f'laddr = "tcp://{rpc}"',
        'laddr = "tcp://0.0.0.0:26656"': f'laddr = "tcp://127.0.0.1:{find_free_port()}"',
        'timeout_commit = "1s"': f'timeout_commit = "{BLOCK_MS}ms"',
        "size = 5000": f"size = {MEMPOOL_TXS}",
        'log_level = "info"': 'log_level = "error"',
    }
    lines = [changes.pop(line, line) for line in config.read_text().splitlines()]
    if changes:
        sys.exit(f"not in CometBFT's configuration: {', '.join(changes)}")
    config.write_text("\n".join(lines))
    with (
        (home / "log").open("wb") as log,
        subprocess.Popen([program, "start", "--home", str(home)], stdout=log) as process,
    ):
        try:
            await_that(lambda: is_up(rpc))
            yield rpc
        finally:
            process.terminate()


def is_up(rpc: str) -> bool:
    """Whether a block was made."""
    try:
        return int(ask(rpc, "status")["sync_info"]["latest_block_height"]) > 0
    except OSError:
        return False


def measure(rpc: str, txs: list[bytes]) -> float:
    """Transactions a second in blocks, from the first batch to the block that holds the last."""
    first = int(ask(rpc, "status")["sync_info"]["latest_block_height"])
    requests = [encode_batch(txs[start : start + BATCH]) for start in range(0, len(txs), BATCH)]
    connection = http.client.HTTPConnection(rpc, timeout=60)
    began = time.monotonic()
    for number, request in enumerate(requests):
        while number % 20 == 0 and int(ask(rpc, "num_unconfirmed_txs")["total"]) > WAITING:
            time.sleep(0.02)
        connection.request("POST", "/", request, {"Content-Type": "application/json"})
        connection.getresponse().read()
    while int(ask(rpc, "num_unconfirmed_txs")["total"]) > 0:
        time.sleep(0.02)
    took = time.monotonic() - began
    last = int(ask(rpc, "status")["sync_info"]["latest_block_height"])
    held = sum(count_txs(rpc, height) for height in range(first + 1, last + 1))
    if held != len(txs):
        print(f"only {held} of {len(txs)} are in blocks", file=sys.stderr)
    return held / took


def count_txs(rpc: str, height: int) -> int:
    """Transactions of a block that were applied."""
    results = ask(rpc, f"block_results?height={height}")["txs_results"] or []
    return sum(int(result.get("code") or 0) == 0 for result in results)


def encode_batch(txs: list[bytes]) -> bytes:
    """One batch of JSON-RPC."""
    calls = [
        {"jsonrpc": "2.0", "id": number, "method": "broadcast_tx_async", "params": {"tx": b64encode(tx).decode()}}
        for number, tx in enumerate(txs)
    ]
    return json.dumps(calls).encode()


def ask(rpc: str, method: str) -> dict[str, Any]:
    """The result of a call without arguments."""
    with urllib.request.urlopen(f"http://{rpc}/{method}", timeout=60) as response:
        result: dict[str, Any] = json.load(response)["result"]
    return result


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)

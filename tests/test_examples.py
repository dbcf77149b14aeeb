"""The examples run as they stand."""

import os
import subprocess
import sys
from pathlib import Path

from tests.chain.api.running import run_chain
from tests.chain.ledger import ANN, BALANCE, CHAIN_ID, STRANGER

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"


def test_cosmpy_client_reads_the_network_and_sends(tmp_path: Path) -> None:
    with run_chain(tmp_path) as address:
        done = subprocess.run(
            [sys.executable, str(EXAMPLES / "cosmpy_client.py"), address, STRANGER.text, "12345"],
            env={**os.environ, "SENDER_KEY": ANN.secret.hex()},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    assert f"network {CHAIN_ID}" in done.stdout
    assert f"{ANN.text} holds {BALANCE} ngonka" in done.stdout
    assert f"{STRANGER.text} holds 12345 ngonka" in done.stdout

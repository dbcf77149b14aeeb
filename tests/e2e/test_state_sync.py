"""A node joins by an invitation: it starts from a snapshot, not from block 1, and goes on as the others do."""

import json
import re
from pathlib import Path

import pytest

from commands.ports import find_free_port
from tests.chain.ledger import CHAIN_ID
from tests.e2e.test_cometbft import Validator, await_that, export, gnk, init, send

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(280)]

FLAGS = ("--block-ms", "250", "--snapshot-blocks", "50", "--keep-blocks", "120")
"""A snapshot stays for 50 blocks, some 15 s: CometBFT looks for 5 s before it takes one.  A node that follows by gossip
alone, as CometBFT has it do after a snapshot, gains on blocks every 250 ms, and not on faster ones."""
SNAPSHOT = 50


def test_a_node_joins_from_a_snapshot_and_follows(tmp_path: Path) -> None:
    home, place = tmp_path / "founder", f"127.0.0.1:{find_free_port()}"
    home.mkdir()
    init(home)
    founder = Validator(home, place)
    founder.network += FLAGS
    joiner = Validator(tmp_path / "joiner", f"127.0.0.1:{find_free_port()}")
    joiner.network += FLAGS
    try:
        founder.start()
        sent = send(founder)
        await_that(lambda: founder.height >= SNAPSHOT + 10)
        described = gnk(
            *("network", "describe", "--home", str(home), "--chain", founder.address),
            *("--address", place, "--rpc-server", f"http://{founder.rpc}"),
        )
        assert described.returncode == 0, described.stderr
        invitation = tmp_path / "invitation.json"
        invitation.write_text(described.stdout)
        assert json.loads(described.stdout)["chain_id"] == CHAIN_ID
        joined = gnk("network", "join", str(invitation), "--home", str(joiner.home))
        assert joined.returncode == 0, joined.stderr

        joiner.start()
        await_that(lambda: joiner.height > SNAPSHOT + 130)
        began = [
            int(height) for height in re.findall(r"snapshot_adopted +.*height=(\d+)", (joiner.home / "log").read_text())
        ]
        assert len(began) == 1
        assert began[0] >= SNAPSHOT > sent
        joiner.kill()
        await_that(lambda: not joiner.cometbft())
        joiner.start()
        joiner.await_blocks(5)
        height = joiner.height - 2
        hashes = [node.ask_rpc(f"header?height={height}")["header"]["app_hash"] for node in (founder, joiner)]
        assert hashes[0] == hashes[1]
        assert joiner.stop() == 0
        with pytest.raises(AssertionError, match="blocks_forgotten"):
            export(joiner.home)
        assert int(founder.ask_rpc("status")["sync_info"]["earliest_block_height"]) > 1
    finally:
        for validator in (founder, joiner):
            if hasattr(validator, "process"):
                validator.kill()

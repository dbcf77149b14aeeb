"""A node that is cut off takes a transaction: is it lost, or in a block once the node is connected again?"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.e2e.test_cometbft import ROOT, await_that, gnk
from tests.e2e.validator_net import Net, Watcher

CUT_OFF_S = 10
TIMEOUT_S = 60


@pytest.mark.e2e
@pytest.mark.timeout(400)
def test_what_a_node_took_while_it_was_cut_off_is_in_a_block_once_it_is_connected_again(tmp_path: Path) -> None:
    net = Net(tmp_path)
    if net.namespaces is None:
        pytest.skip("this machine lets us have no network namespaces")
    try:
        for one in net.validators:
            net.launch(one, "chain")
        for one in net.validators:
            net.await_that(lambda: (net.net.home(one) / "grpc-address").exists(), one)  # noqa: B023  # awaited at once
        with Watcher(net) as watcher:
            await_that(lambda: watcher.height > 2)
            send_while_cut_off(net, watcher)
    finally:
        net.kill()


def send_while_cut_off(net: Net, watcher: Watcher) -> None:
    assert net.namespaces is not None
    first, *_, last = net.validators
    net.namespaces.connect(last.name, on=False)
    time.sleep(2)  # a block that was on its way
    words = ("tx", "send", first.address, "1GNK", "--yes", "--json", "--home", str(net.net.home(last)))
    inside = ("ip", "netns", "exec", net.namespaces.name(last.name), sys.executable, "-m", "cli", *words)
    at = watcher.height
    with subprocess.Popen(inside, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as sending:
        time.sleep(CUT_OFF_S)
        assert sending.poll() is None, "nothing was decided without the others"
        assert watcher.height > at, "the others went on"
        cut_until = watcher.height
        net.namespaces.connect(last.name, on=True)
        said, wrong = sending.communicate(timeout=TIMEOUT_S)
    assert sending.returncode == 0, wrong
    sent = json.loads(said)
    shown = gnk("tx", "show", sent["tx_hash"], "--json", "--chain", first.grpc)
    assert json.loads(shown.stdout)["height"] == sent["height"] >= cut_until

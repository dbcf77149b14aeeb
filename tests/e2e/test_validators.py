"""Four validators, each with a CometBFT of its own: one is killed, the others go on, it catches up, all of one mind."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from chain.engine.cometbft import find_cometbft
from commands.ports import find_free_port
from tests.chain.ledger import ANN, BOB, CAT, CHAIN_ID, DAN
from tests.e2e.test_cometbft import ROOT, Validator, await_that, check_powers, export, gnk, send

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(280)]

PEOPLE = (ANN, BOB, CAT, DAN)


def init(homes: list[Path]) -> None:
    """One genesis for all; each home has the consensus key of one founder."""
    words = []
    for person, home in zip(PEOPLE, homes, strict=True):
        key = home / "cometbft" / "config" / "priv_validator_key.json"
        words += ["--account", f"{person.text}=1000", "--host", person.text, "--consensus-key", f"{person.text}={key}"]
    done = gnk("chain", "init", "--home", str(homes[0]), "--preset", "minimal", "--chain-id", CHAIN_ID, *words)
    assert done.returncode == 0, done.stderr
    for home in homes[1:]:
        shutil.copy(homes[0] / "genesis.json", home / "genesis.json")


def make_node_id(home: Path) -> str:
    command = [str(find_cometbft(os.environ)), "gen-node-key", "--home", str(home / "cometbft")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT, timeout=30)
    return done.stdout.split()[-1]


@pytest.fixture
def validators(tmp_path: Path) -> Iterator[list[Validator]]:
    homes = [tmp_path / person.text[-4:] for person in PEOPLE]
    init(homes)
    places = [f"127.0.0.1:{find_free_port()}" for _ in homes]
    names = [f"{make_node_id(home)}@{place}" for home, place in zip(homes, places, strict=True)]
    network = [
        Validator(home, place, tuple(name for name in names if not name.endswith(place)))
        for home, place in zip(homes, places, strict=True)
    ]
    for validator in network:
        validator.launch()
    try:
        for validator in network:
            validator.await_api()
        yield network
    finally:
        for validator in network:
            validator.kill()


def test_the_others_go_on_without_one_and_it_catches_up(validators: list[Validator]) -> None:
    *others, last = validators
    assert len(others[0].powers(1)) == 4
    sent = send(others[0])
    last.kill()
    for validator in others:
        validator.await_blocks(10)
    sent_without = send(others[1])
    last.start()
    await_that(lambda: last.height > sent_without)
    for validator in validators:
        await_that(lambda: validator.height >= 40)  # noqa: B023  # awaited at once
    check_powers(last)
    for validator in validators:
        assert validator.stop() == 0
    logs = [export(validator.home) for validator in validators]
    common = min(map(len, logs))
    assert common >= sent_without > sent
    assert len({tuple((block["hash"], block["app_hash"]) for block in log[:common]) for log in logs}) == 1
    assert len(logs[0][sent - 1]["txs"]) == len(logs[3][sent_without - 1]["txs"]) == 1

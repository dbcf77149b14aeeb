"""`gnk gov propose` against a running chain: what is put to the vote is what voters read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from commands.gov import group
from tests.chain.api.running import run_chain
from tests.commands.people import PASSPHRASE, error_of, furnish, run, run_json


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with run_chain(tmp_path_factory.mktemp("chain")) as found:
        yield found


@pytest.fixture
def home(tmp_path: Path, target: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    furnish(tmp_path)
    (tmp_path / "config.toml").write_text(f'chain = "{target}"\nkey = "ann"\n')
    monkeypatch.setenv("GNK_HOME", str(tmp_path))
    monkeypatch.setenv("GNK_PASSPHRASE", PASSPHRASE)
    return tmp_path


@pytest.mark.usefixtures("home")
def test_propose_upgrade__is_put_to_the_vote_and_read_by_voters() -> None:
    put = run_json(group, "propose", "upgrade", "v2", "--height", "100000", "--title", "To v2", "--yes")
    shown = run_json(group, "show", str(put["proposal_id"]))
    assert shown["changes"] == ["upgrade v2 with block 100000, or the first of SERVE after it"]
    assert shown["status"] == "voting"


@pytest.mark.usefixtures("home")
def test_propose_upgrade__a_height_that_has_passed__is_refused_when_it_is_proposed() -> None:
    result = run(group, "propose", "upgrade", "v3", "--height", "1", "--title", "To v3", "--yes")
    assert error_of(result) == "proposal_message_invalid"


@pytest.mark.usefixtures("home")
def test_propose_cancel_upgrade__none_planned__is_refused_when_it_is_proposed() -> None:
    result = run(group, "propose", "cancel-upgrade", "--title", "No", "--yes")
    assert error_of(result) == "proposal_message_invalid"


@pytest.mark.usefixtures("home")
def test_propose_text__reads_as_its_words() -> None:
    put = run_json(group, "propose", "text", "--title", "Words", "--summary", "Only words", "--yes")
    shown = run_json(group, "show", str(put["proposal_id"]))
    assert (shown["title"], shown["summary"], shown["changes"]) == ("Words", "Only words", [])

"""What is told of a host's answers."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from commands.host import group
from tests.chain.ledger import ANN
from tests.commands.models import run_market
from tests.commands.people import error_of, furnish, run, run_json


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with run_market(tmp_path_factory.mktemp("chain")) as found:
        yield found


@pytest.fixture
def home(tmp_path: Path, target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    furnish(tmp_path)
    (tmp_path / "config.toml").write_text(f'chain = "{target}"\n')
    monkeypatch.setenv("GNK_HOME", str(tmp_path))


@pytest.mark.usefixtures("home")
def test_conduct__a_host_that_was_never_checked__has_none() -> None:
    assert run_json(group, "conduct", ANN.text) == {
        "host": ANN.text,
        "models": [],
        "lots": [],
        "receipts_shown": [],
    }


@pytest.mark.usefixtures("home")
def test_conduct__no_address__is_refused() -> None:
    assert error_of(run(group, "conduct", "gonka1nobody")) == "address_invalid"

"""`gnk authz` against a running chain: a warm key acts for a cold one, until it may not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from chain.handlers import HANDLERS
from commands.authz import DUTIES, VOTES, group
from commands.messages import load_messages
from tests.chain.api.running import run_chain
from tests.chain.ledger import ANN, BOB, DAN
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


def list_messages(address: str) -> list[str]:
    given = run_json(group, "list", address)["given"]
    assert isinstance(given, list)
    return sorted(str(item["message"]) for item in given)


def names(*kinds: tuple[str, ...]) -> list[str]:
    return sorted(kind.rpartition(".")[2] for group in kinds for kind in group)


def test_duties__are_exactly_the_messages_that_the_chain_takes_free_of_fees_but_the_serving_keys() -> None:
    load_messages()
    free = {f"/{handler.name}" for handler in HANDLERS.values() if handler.duty and not handler.inner}
    sent = ("SettleVoucher", "CommitReports", "RevealReports", "PlaceReceipt")
    of_serving_key = {f"/gonka.inference.v1.Msg{name}" for name in sent}

    assert of_serving_key < free
    assert free - of_serving_key == set(DUTIES)


def test_grant__then_revoke__is_listed_and_gone(home: Path) -> None:
    plan = run_json(group, "grant", DAN.text, "--dry-run")["plan"]
    assert isinstance(plan, dict)
    assert len(plan["messages"]) == len(DUTIES)

    run_json(group, "grant", DAN.text, "--yes", "--expires", "90d")
    assert list_messages(ANN.text) == names(DUTIES)
    received = run_json(group, "list", DAN.text)["received"]
    assert isinstance(received, list)
    assert {item["granter"] for item in received} == {ANN.text}
    assert all(str(item["until"]).startswith("20") for item in received)

    run_json(group, "grant", DAN.text, "--yes", "--vote")
    assert list_messages(ANN.text) == names(DUTIES, VOTES)
    assert run(group, "list", ANN.text).exit_code == 0

    run_json(group, "revoke", DAN.text, "--yes", "--vote")
    assert list_messages(ANN.text) == names(DUTIES)

    run_json(group, "revoke", DAN.text, "--yes")
    assert list_messages(ANN.text) == []
    assert error_of(run(group, "revoke", DAN.text, "--yes")) == "grant_missing"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["grant", "gonka1nobody", "--yes"], "address_invalid"),
        (["grant", BOB.text, "--yes", "--expires", "soon"], "grant_invalid"),
        (["grant", BOB.text, "--yes", "--expires", "2001-01-01"], "grant_invalid"),
        (["grant", BOB.text, "--yes", "--expires", "999999999d"], "grant_invalid"),
        (["grant", BOB.text, "--yes", "--expires", "9" * 5000 + "w"], "grant_invalid"),
        (["grant", ANN.text, "--yes"], "grant_invalid"),
        (["list", "cosmos1nobody"], "address_invalid"),
    ],
)
def test_grant__bad_input__is_a_coded_error(home: Path, arguments: list[str], code: str) -> None:
    assert error_of(run(group, *arguments)) == code

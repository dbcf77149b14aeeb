"""`gnk tx show` against a running chain."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from commands.authz import group as authz
from commands.tx import group
from rules.addresses import encode_address
from tests.chain.api.running import run_chain
from tests.chain.ledger import ANN, DAN
from tests.commands.people import PASSPHRASE, error_of, furnish, run, run_json

NEWCOMER = encode_address(bytes(range(20)))


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


def test_show__a_transaction__says_what_it_did_and_who_signed(home: Path) -> None:
    sent = run_json(authz, "grant", DAN.text, "--yes", "--memo", "warm key")

    shown = run_json(group, "show", str(sent["tx_hash"]).lower())

    assert (shown["height"], shown["applied"], shown["memo"]) == (sent["height"], True, "warm key")
    signers = shown["signers"]
    assert isinstance(signers, list)
    assert [(s["address"], s["signature"]) for s in signers] == [(ANN.text, "present")]
    messages = shown["messages"]
    assert isinstance(messages, list)
    assert messages[0]["@type"] == "cosmos.authz.v1beta1.MsgGrant"
    assert run(group, "show", str(sent["tx_hash"])).exit_code == 0


def test_send__to_a_new_account__arrives_once(home: Path) -> None:
    sent = run_json(group, "send", NEWCOMER, "2.5GNK", "--yes")

    shown = run_json(group, "show", str(sent["tx_hash"]))

    assert shown["applied"] is True
    messages = shown["messages"]
    assert isinstance(messages, list)
    assert messages[0]["to_address"] == NEWCOMER
    assert messages[0]["amount"] == [{"denom": "ngonka", "amount": "2500000000"}]


@pytest.mark.parametrize(
    ("recipient", "amount", "code"),
    [
        ("gonka1nobody", "1GNK", "address_invalid"),
        (NEWCOMER, "0GNK", "amount_invalid"),
        (NEWCOMER, "999999999GNK", "insufficient_funds"),
    ],
)
def test_send__a_mistake__is_refused_before_anything_is_signed(
    home: Path, recipient: str, amount: str, code: str
) -> None:
    assert error_of(run(group, "send", recipient, amount, "--yes")) == code


@pytest.mark.parametrize(
    ("tx_hash", "code"), [("AB" * 32, "not_found"), ("zz", "tx_hash_invalid"), ("", "tx_hash_invalid")]
)
def test_show__no_such_transaction__is_a_coded_error(home: Path, tx_hash: str, code: str) -> None:
    assert error_of(run(group, "show", tx_hash)) == code

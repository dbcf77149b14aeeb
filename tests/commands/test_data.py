"""An account's word on plain data, as a user and as CosmJS sign it."""

import json
from pathlib import Path

import pytest

import cli  # noqa: TID251  # what a user types
from commands.data import MAX_DATA_BYTES
from tests.chain.ledger import ANN, BOB
from tests.commands.people import PASSPHRASE, error_of, furnish, run, run_json

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "amino.json").read_text())
THEIRS = next(case["signature"] for case in VECTORS["cases"] if case["typeUrl"] == "adr36")
DATA = b"I agree to <this>"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    furnish(tmp_path)
    monkeypatch.setenv("GNK_PASSPHRASE", PASSPHRASE)
    (tmp_path / "word").write_bytes(DATA)
    return tmp_path


def check(home: Path, **changes: str) -> list[str]:
    given = {"address": ANN.text, "public-key": VECTORS["public_key"], "signature": THEIRS} | changes
    options = [word for name, value in given.items() for word in (f"--{name}", value)]
    return ["keys", "check-data", str(home / "word"), *options]


def test_what_is_signed_here_is_what_cosmjs_signs_and_is_checked(home: Path) -> None:
    signed = run_json(cli.main, "keys", "sign-data", str(home / "word"), "--home", str(home), "--key", "ann")
    assert signed == {
        "address": ANN.text,
        "pub_key": {"type": "tendermint/PubKeySecp256k1", "value": VECTORS["public_key"]},
        "signature": THEIRS,
    }
    assert run_json(cli.main, *check(home)) == {"signed_by": ANN.text}


@pytest.mark.parametrize(
    "changes",
    [{"address": BOB.text}, {"address": ""}, {"public-key": "AAAA"}, {"public-key": "!"}, {"signature": "AAAA"}],
)
def test_anything_else_is_refused(home: Path, changes: dict[str, str]) -> None:
    assert error_of(run(cli.main, *check(home, **changes))) == "signature_invalid"


def test_other_data_is_refused(home: Path) -> None:
    (home / "word").write_bytes(DATA + b"\n")
    assert error_of(run(cli.main, *check(home))) == "signature_invalid"
    (home / "word").write_bytes(bytes(MAX_DATA_BYTES + 1))
    assert error_of(run(cli.main, *check(home))) == "request_invalid"

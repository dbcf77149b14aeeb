"""`gnk gov propose add-model`: what is put to the vote is the model on this machine, and voters read it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from commands.gov import group
from tests.commands.models import make_folder, run_market
from tests.commands.people import PASSPHRASE, error_of, furnish, run, run_json


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with run_market(tmp_path_factory.mktemp("chain")) as found:
        yield found


@pytest.fixture
def home(tmp_path: Path, target: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    furnish(tmp_path)
    (tmp_path / "config.toml").write_text(f'chain = "{target}"\nkey = "ann"\n')
    monkeypatch.setenv("GNK_HOME", str(tmp_path))
    monkeypatch.setenv("GNK_PASSPHRASE", PASSPHRASE)
    return tmp_path


def test_propose_model__imported_here__is_put_to_the_vote_by_its_hashes(home: Path) -> None:
    manifest = make_folder(home / "models" / "small")
    words = ("propose", "add-model", "small", "--units-in", "2", "--units-out", "6", "--base-price", "0.01GNK")
    put = run_json(group, *words, "--yes")
    assert "at first 0.02 GNK in and 0.06 GNK out for 10^6 tokens" in str(put["plan"])
    shown = run_json(group, "show", str(put["proposal_id"]))
    assert shown["title"] == "Add model small"
    weight = "2 and 6 units a token in and out, 0.01 GNK for 10^6 units"
    assert shown["changes"] == [f"add model small, contents {manifest.content_hash.hex()}: {weight}"]


def test_propose_model__not_imported_or_known_already__is_refused(home: Path) -> None:
    make_folder(home / "models" / "tiny", name="tiny")
    for name, price, code in [
        ("nothing", "1GNK", "model_missing"),
        ("../x", "1GNK", "model_name_invalid"),
        ("tiny", "1GNK", "proposal_message_invalid"),
        ("tiny", "nothing", "amount_invalid"),
    ]:
        assert error_of(run(group, "propose", "add-model", name, "--base-price", price, "--yes")) == code

"""What a host is told when it offers models, and each thing that can be wrong with an offer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from commands.host import group
from tests.chain.ledger import ANN
from tests.chain.market import serving_key_of
from tests.commands.models import run_market
from tests.commands.people import PASSPHRASE, error_of, furnish, run, run_json

SERVING = serving_key_of(ANN)
ENDPOINT = "https://ann.example.org"


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


@pytest.mark.usefixtures("home")
def test_offer__before_and_after_a_serving_key__warns_and_then_does_not() -> None:
    words = ("offer", "--model", "tiny", "--endpoint", f"{ENDPOINT}/", "--dry-run")
    first = str(run_json(group, *words))
    assert "no escrow draws you before `gnk host serving-key`" in first
    assert f"it serves tiny at {ENDPOINT}; the price now is 0.01 GNK in and 0.04 GNK out" in first
    named = run_json(group, "serving-key", SERVING.public_key.hex(), "--yes")
    assert f"{SERVING.text} settles vouchers for {ANN.text}, free of fees" in str(named["plan"])
    assert "no escrow draws you" not in str(run_json(group, *words))


@pytest.mark.usefixtures("home")
def test_offer__withdrawn__says_that_escrows_go_on() -> None:
    done = run_json(group, "offer", "--withdraw", "--yes")
    assert "offers nothing to escrows opened from now on" in str(done["plan"])
    assert "go on serving them" in str(done["plan"])


@pytest.mark.usefixtures("home")
def test_serving_key__the_accounts_own_or_another_than_before__is_warned_of() -> None:
    run_json(group, "serving-key", SERVING.public_key.hex(), "--yes")
    shown = str(run_json(group, "serving-key", "ann", "--dry-run"))
    assert "this is the account's own key" in shown
    assert "the key before it can settle nothing any more" in shown


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["offer"], "offer_invalid"),
        (["offer", "--withdraw", "--model", "tiny"], "offer_invalid"),
        (["offer", "--model", "tiny"], "offer_invalid"),
        (["offer", "--model", "tiny", "--endpoint", "ann.example.org"], "offer_invalid"),
        (["offer", "--model", "tiny", "--endpoint", "https://u:p@ann.example.org"], "offer_invalid"),
        (["offer", "--model", "tiny", "--endpoint", ENDPOINT, "--region", "EUR"], "offer_invalid"),
        (["offer", "--model", "huge", "--endpoint", ENDPOINT], "model_unknown"),
        (["offer", "--model", "tiny", "--endpoint", ENDPOINT, "--key", "dan"], "host_unknown"),
        (["serving-key", "nobody"], "key_not_found"),
        (["serving-key", "03" * 33], "serving_key_invalid"),
        (["serving-key", SERVING.public_key.hex(), "--key", "dan"], "host_unknown"),
    ],
)
def test_offer_and_serving_key__one_thing_wrong__say_what_and_what_to_do(words: list[str], code: str) -> None:
    result = run(group, *words, "--yes")
    assert error_of(result) == code
    assert "next: " in result.stderr

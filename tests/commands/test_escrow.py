"""`gnk host offer`, `gnk host serving-key` and `gnk escrow` against a running chain."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from commands.escrow import group
from commands.host import group as host_group
from tests.chain.ledger import ANN, BOB, DAN
from tests.chain.market import VOUCHER_KEY, serving_key_of
from tests.commands.models import run_market
from tests.commands.people import PASSPHRASE, error_of, furnish, run, run_json

KEY = VOUCHER_KEY.public_key.hex()


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Ann offers the model in Germany."""
    directory = tmp_path_factory.mktemp("market")
    furnish(directory / "ann")
    with run_market(directory / "chain") as found, pytest.MonkeyPatch.context() as patch:
        patch.setenv("GNK_PASSPHRASE", PASSPHRASE)
        shared = ("--home", str(directory / "ann"), "--key", "ann", "--chain", found, "--yes")
        run_json(host_group, "serving-key", serving_key_of(ANN).public_key.hex(), *shared)
        words = ("--model", "tiny", "--endpoint", "https://ann.example.org/", "--region", "de")
        run_json(host_group, "offer", *words, *shared)
        yield found


@pytest.fixture
def home(tmp_path: Path, target: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    furnish(tmp_path)
    (tmp_path / "config.toml").write_text(f'chain = "{target}"\nkey = "dan"\n')
    monkeypatch.setenv("GNK_HOME", str(tmp_path))
    monkeypatch.setenv("GNK_PASSPHRASE", PASSPHRASE)
    return tmp_path


def open_escrow(*words: str) -> dict[str, object]:
    return run_json(group, "open", "--model", "tiny", "--deposit", "10GNK", "--voucher-key", KEY, "--yes", *words)


@pytest.mark.usefixtures("home")
def test_escrow__opened_topped_up_and_closed__is_shown_at_each_step() -> None:
    opened = open_escrow("--region", "de")
    number = str(opened["escrow_id"])
    plan = opened["plan"]
    assert isinstance(plan, dict)
    assert "0.01 GNK in and 0.04 GNK out for 10^6 tokens" in " ".join(plan["effects"])
    assert "promise the whole deposit" in " ".join(plan["warnings"])
    run_json(group, "top-up", number, "5GNK", "--yes")
    shown = run_json(group, "show", number)
    assert (shown["model"], shown["state"], shown["deposit"], shown["left"]) == ("tiny", "open", "15 GNK", "15 GNK")
    assert shown["regions"] == ["DE"]
    assert shown["hosts"] == [
        {"host": ANN.text, "reserve": "15 GNK", "paid": "0 GNK", "tokens_in": 0, "tokens_out": 0, "serial": 0}
    ]
    closing = run_json(group, "close", number, "--yes")
    assert "at most 15 GNK return" in str(closing["plan"])
    assert str(run_json(group, "show", number)["state"]).startswith("closes in ")
    assert error_of(run(group, "top-up", number, "1GNK", "--yes")) == "escrow_closed"


@pytest.mark.usefixtures("home")
def test_list__yours_or_a_hosts__newest_first() -> None:
    first, second = (int(str(open_escrow()["escrow_id"])) for _ in range(2))
    for words in ((), ("--developer", DAN.text), ("--host", ANN.text)):
        shown = run(group, "list", *words, "--json")
        numbers = [line.split(":")[1].strip(" ,") for line in shown.stdout.splitlines() if '"id"' in line]
        assert numbers[:2] == [str(second), str(first)]
    assert run(group, "list", "--host", BOB.text).stdout.strip() == "(none)"


@pytest.mark.usefixtures("home")
def test_open__dry_run__shows_the_plan_and_opens_nothing() -> None:
    before = run(group, "list").stdout
    words = ("open", "--model", "tiny", "--deposit", "10GNK", "--voucher-key", "dan", "--dry-run")
    assert DAN.public_key.hex() in str(run_json(group, *words))
    assert run(group, "list").stdout == before


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--model", "huge"], "model_unknown"),
        (["--deposit", "0"], "amount_invalid"),
        (["--deposit", "0.5GNK"], "deposit_below_minimum"),
        (["--deposit", "5000GNK"], "insufficient_funds"),
        (["--voucher-key", "nobody"], "key_not_found"),
        (["--voucher-key", "02" + "ff" * 32], "serving_key_invalid"),
        (["--voucher-key", "x" * 66], "serving_key_invalid"),
        (["--region", "US"], "host_missing"),
        (["--region", "usa"], "policy_invalid"),
        (["--host", DAN.text], "host_missing"),
        (["--max-price-in", "1ngonka"], "price_above_limit"),
    ],
)
def test_open__one_thing_wrong__says_what_and_what_to_do(words: list[str], code: str) -> None:
    usual = {"--model": "tiny", "--deposit": "10GNK", "--voucher-key": KEY}
    flags = usual | dict(zip(words[::2], words[1::2], strict=True))
    result = run(group, "open", *[word for pair in flags.items() for word in pair], "--yes")
    assert error_of(result) == code
    assert "next: " in result.stderr


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("words", [["show", "999"], ["close", "999", "--yes"], ["top-up", "999", "1GNK", "--yes"]])
def test_escrow__that_is_none__says_so(words: list[str]) -> None:
    assert error_of(run(group, *words)) == "escrow_unknown"

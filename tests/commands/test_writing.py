"""Writes from plan to block, against a running chain."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import click
import pytest

from chain_client.cosmos import CosmosLedger
from chain_client.keys.secret import Secret
from chain_client.keys.signing_key import SigningKey
from chain_client.ledger import TxResult
from chain_client.outbox import FileOutbox
from chain_client.transactions import Fate, Fee, Order, Outcome, sign_order
from commands.call import Call, writes
from commands.writing import Draft, acting_address, check_outcome, submit
from tests.chain.api.running import run_chain
from tests.chain.ledger import ANN, BALANCE, BOB, CHAIN_ID, DAN
from tests.commands.people import PASSPHRASE, error_of, furnish, run, run_json

from cosmos.bank.v1beta1.tx_pb2 import MsgSend
from cosmos.base.v1beta1.coin_pb2 import Coin

ROOT = Path(__file__).resolve().parents[2]


@click.command()
@click.argument("ngonka", type=int)
@writes
def pay(call: Call, ngonka: int) -> None:
    """Pay Bob."""
    sender = acting_address(call)
    coins = [Coin(denom="ngonka", amount=str(ngonka))]
    draft = Draft(
        what=f"pay {ngonka} ngonka to Bob",
        messages=(MsgSend(from_address=sender, to_address=BOB.text, amount=coins),),
        effects=("Bob is richer",),
        warnings=("it cannot be undone",),
    )
    submit(call, draft, describe=lambda result: {"events": len(result.events)})


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with run_chain(tmp_path_factory.mktemp("chain")) as found:
        yield found


@pytest.fixture
def home(tmp_path: Path, target: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    furnish(tmp_path)
    (tmp_path / "config.toml").write_text(f'chain = "{target}"\nkey = "dan"\n')
    monkeypatch.setenv("GNK_HOME", str(tmp_path))
    monkeypatch.setenv("GNK_PASSPHRASE", PASSPHRASE)
    return tmp_path


def test_submit__yes__is_applied_and_says_where(home: Path) -> None:
    done = run_json(pay, "1000", "--yes", "--memo", "thanks")

    plan = done["plan"]
    assert isinstance(plan, dict)
    assert plan["what"] == "pay 1000 ngonka to Bob"
    assert plan["warnings"] == ["it cannot be undone"]
    assert plan["chain_id"] == CHAIN_ID
    assert plan["signed_by"] == f"dan {DAN.text}"
    assert plan["memo"] == "thanks"
    assert plan["fee_ngonka"] > 0
    assert isinstance(done["height"], int)
    assert done["height"] > 0
    assert done["events"]
    assert not list(home.rglob("*.tx.json"))


def test_submit__text__shows_the_plan_and_then_the_result(home: Path) -> None:
    result = run(pay, "1", "--yes")

    assert result.exit_code == 0, result.output
    assert result.stdout.index("it cannot be undone") < result.stdout.index("tx_hash")
    assert "fee" in result.stdout


def test_submit__dry_run__needs_no_passphrase_and_changes_nothing(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GNK_PASSPHRASE")

    first = run_json(pay, "1000", "--dry-run")
    second = run_json(pay, "1000", "--dry-run")

    assert set(first) == {"plan"}
    assert first == second
    assert not (home / "outbox").exists()


@pytest.mark.parametrize(
    ("arguments", "environ", "code", "words"),
    [
        (["1"], {}, "confirmation_needed", "nobody to ask"),
        (["1", "--yes"], {"GNK_PASSPHRASE": "wrong horse"}, "wrong_passphrase", "wrong passphrase"),
        (["1", "--yes", "--chain-id", "other-1"], {}, "chain_id_mismatch", "another chain"),
        (["1", "--yes", "--key", "nobody"], {}, "key_not_found", "no such key"),
        (["1", "--yes", "--key", "stranger"], {}, "account_unknown", "an account with nothing"),
        ([str(2 * BALANCE), "--yes"], {}, "insufficient_funds", "more than there is"),
        (["0", "--yes"], {}, "amount_invalid", "nothing to send"),
        (["1", "--yes", "--memo", "m" * 10_000], {}, "memo_too_large", "a memo too long"),
        (["1", "--yes", "--on-behalf-of", "gonka1nobody"], {}, "address_invalid", "no address"),
        (["1", "--yes", "--on-behalf-of", ANN.text], {}, "grant_missing", "no grant"),
        (["1", "--yes", "--chain", "127.0.0.1:1"], {}, "chain_unreachable", "nobody listens"),
    ],
)
def test_submit__something_is_wrong__is_a_coded_error_and_nothing_is_sent(
    home: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], environ: dict[str, str], code: str, words: str
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)

    assert error_of(run(pay, *arguments)) == code
    assert not (home / "outbox").exists()


def test_submit__a_disk_that_takes_nothing__sends_nothing(home: Path) -> None:
    (home / "outbox").write_text("a file where the directory should be")
    before = run_json(pay, "5", "--dry-run")

    assert error_of(run(pay, "5", "--yes")) == "disk_write_failed"

    (home / "outbox").unlink()
    assert run_json(pay, "5", "--dry-run") == before
    assert run_json(pay, "5", "--yes")["tx_hash"]


def call_at_a_terminal(
    words: list[str], answers: list[tuple[str, str]], last: str, until: Callable[[], object]
) -> tuple[int, str]:
    """Exit status and output of `gnk` at a terminal: after each text its answer, after `last` and `until` Ctrl-C."""
    ours, theirs = os.openpty()
    call = [sys.executable, "-c", "import cli; cli.main(prog_name='gnk')", *words]
    child = subprocess.Popen(call, stdin=theirs, stdout=theirs, stderr=theirs, cwd=ROOT)
    os.close(theirs)
    output = ""
    with suppress(OSError):  # the terminal ends with its last user
        for wanted, answer in [*answers, (last, "")]:
            while wanted not in output:
                output += os.read(ours, 4096).decode()
            os.write(ours, answer.encode())
        until()
        child.send_signal(signal.SIGINT)
        while True:
            output += os.read(ours, 4096).decode()
    os.close(ours)
    return child.wait(timeout=10), output


def wait_a_moment() -> None:
    time.sleep(0.3)  # a prompt is there before it is read from


def wait_for_file(directory: Path) -> None:
    give_up = time.monotonic() + 10
    while not list(directory.rglob("*.json")):
        assert time.monotonic() < give_up
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("answers", "last"), [([], "[y/N]"), ([("[y/N]", "y\n")], "Passphrase")], ids=["the question", "the passphrase"]
)
def test_submit__ctrl_c_at_a_prompt__ends_at_once_and_nothing_is_signed(
    home: Path, monkeypatch: pytest.MonkeyPatch, answers: list[tuple[str, str]], last: str
) -> None:
    monkeypatch.delenv("GNK_PASSPHRASE")
    status, output = call_at_a_terminal(["gov", "propose", "text", "--title", "x"], answers, last, wait_a_moment)
    assert status == 1
    assert "Aborted!" in output
    assert "Traceback" not in output
    assert not (home / "outbox").exists()


def test_submit__ctrl_c_while_it_waits_for_a_block__says_that_it_may_still_apply(home: Path, tmp_path: Path) -> None:
    with run_chain(tmp_path / "slow", block_ms=60_000) as slow:
        words = ["stake", "add", "5", "--yes", "--key", "ann", "--chain", slow]
        status, output = call_at_a_terminal(words, [], "MsgStake", lambda: wait_for_file(home / "outbox"))
    assert status == 3
    assert "error[interrupted]" in output


def test_submit__an_earlier_call_was_killed_after_signing__applies_both_once(home: Path, target: str) -> None:
    dan = SigningKey(Secret(DAN.secret))

    async def sign_and_die() -> int:
        async with CosmosLedger.open(target) as ledger:
            account, block = await ledger.account(DAN.text), await ledger.latest()
            coins = [Coin(denom="ngonka", amount="7")]
            order = Order(
                order_id="killed",
                messages=(MsgSend(from_address=DAN.text, to_address=BOB.text, amount=coins),),
                last_height=block.height + 100,
                fee=Fee(gas_limit=200_000, amount_ngonka=200_000),
            )
            with FileOutbox.open(home, chain_id=CHAIN_ID, address=DAN.text) as outbox:
                outbox.record(sign_order(order, dan, account, CHAIN_ID))
            return account.sequence

    sequence = asyncio.run(sign_and_die())
    result = run(pay, "5", "--yes")

    async def read_sequence() -> int:
        async with CosmosLedger.open(target) as ledger:
            return (await ledger.account(DAN.text)).sequence

    assert result.exit_code == 0, result.output
    assert "an earlier transaction" in result.stderr
    assert "was applied" in result.stderr
    assert asyncio.run(read_sequence()) == sequence + 2
    assert not list(home.rglob("*.tx.json"))


def outcome(fate: Fate, *, rule: str = "", log: str = "") -> Outcome:
    result = TxResult(tx_hash="AB", height=3, code=1 if rule else 0, rule=rule, log=log)
    return Outcome(order_id="x", fate=fate, result=result)


@pytest.mark.parametrize(
    ("ended", "code"),
    [
        (outcome(Fate.EXPIRED), "tx_expired"),
        (outcome(Fate.REFUSED, rule="fee_too_low", log="fee_too_low: 1 is less than 2"), "fee_too_low"),
        (outcome(Fate.FAILED, rule="unauthorized", log="out of words"), "unauthorized"),
        (outcome(Fate.REFUSED, rule="sdk/5", log="insufficient funds"), "tx_refused"),
        (outcome(Fate.REFUSED, rule="request_invalid", log="?"), "request_invalid"),
    ],
)
def test_check_outcome__not_applied__raises_its_code(ended: Outcome, code: str) -> None:
    with pytest.raises(Exception, match=code) as caught:
        check_outcome(ended)
    assert getattr(caught.value, "fields", {})["tx_hash"] == "AB"


def test_check_outcome__applied__is_the_result() -> None:
    assert check_outcome(outcome(Fate.APPLIED)).tx_hash == "AB"

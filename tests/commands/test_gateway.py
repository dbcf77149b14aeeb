"""`gnk gateway` as its operator types it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from commands.gateway import group
from gateway.receipts import Chosen, keep_receipt, record_checked
from rules.addresses import encode_address
from tests.chain.api.running import run_chain
from tests.commands.people import error_of, run, run_json
from tests.gateway.ledgers import TERMS, make_kept, open_ledger, open_request


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GNK_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def test_key__created_listed_revoked__its_text_is_shown_once() -> None:
    made = run_json(
        group, "key", "create", "acme", "--new-customer", "--region", "de", "--spend", "5", "--per-minute", "60"
    )
    text = str(made["key"])
    assert text.startswith("gnk-")
    assert made["policy"] == {"regions": ["DE"], "per_minute": 60, "spend_usd": "5.00"}
    listed = run(group, "key", "list", "--json")
    assert text not in listed.output
    assert text not in run(group, "key", "list").output
    (found,) = json.loads(listed.stdout)
    assert run_json(group, "key", "revoke", str(found["key_id"]))["revoked"] is not None
    assert error_of(run(group, "key", "revoke", "key_none")) == "api_key_unknown"


def test_money__credit_balance_and_invoice__agree() -> None:
    run_json(group, "credit", "acme", "12.5", "--note", "wire 17")
    assert json.loads(run(group, "balance", "--json").stdout) == [
        {"customer": "acme", "balance_usd": "12.50", "reserved_usd": "0.00"}
    ]
    invoice = run_json(group, "invoice", "acme")
    assert (invoice["received_usd"], invoice["closing_usd"]) == ("12.50", "12.50")
    text = run(group, "invoice", "acme")
    assert text.exit_code == 0
    assert max(map(len, text.output.splitlines())) <= 80
    assert json.loads(run(group, "usage", "--json").stdout) == []
    assert run(group, "usage", "--csv").output == ""


def test_balance__a_ledger_that_does_not_add_up__says_so(home: Path) -> None:
    with open_ledger(home) as (store, _):
        store.write_now(lambda c: c.execute("UPDATE customers SET balance_pusd = 1"))
    assert error_of(run(group, "balance")) == "ledger_unbalanced"


def test_price__set_listed_removed__in_usd_for_a_million() -> None:
    run(group, "price", "set", "tiny", "0.02", "0.06")
    (found,) = json.loads(run(group, "price", "list", "--json").stdout)
    assert (found["usd_in"], found["usd_out"]) == ("0.02", "0.06")
    assert json.loads(run(group, "price", "remove", "tiny", "--json").stdout) == []
    (rate,) = json.loads(run(group, "price", "gnk-usd", "0.45", "--json").stdout)
    assert rate["gnk_usd"] == "0.45"


def test_receipts__by_host__fit_a_terminal(home: Path) -> None:
    assert json.loads(run(group, "receipts", "--json").stdout) == []
    host = encode_address(TERMS.host)
    with open_ledger(home) as (store, key):
        store.write_now(lambda c: open_request(c, key, "r1"))
        for request in range(1, 4):
            chosen = Chosen(epoch=3, rank=request, now_ms=1)
            store.write_now(lambda c, r=request, h=chosen: keep_receipt(c, make_kept(r), h))  # type: ignore[misc]
        store.write_now(lambda c: record_checked(c, (TERMS.escrow_id, host), [1]))
    (found,) = json.loads(run(group, "receipts", "--json").stdout)
    assert found == {"host": host, "kept": 2, "checked": 1, "missing": 0, "shown": 0}
    text = run(group, "receipts")
    assert host in text.output
    assert max(map(len, text.output.splitlines())) <= 80


def test_key_create__a_new_customer__is_made_when_that_is_said(home: Path) -> None:
    assert run(group, "key", "create", "acme").exit_code == 1
    assert json.loads(run(group, "balance", "--json").stdout) == []
    assert run(group, "key", "create", "acme", "--new-customer").exit_code == 0
    assert run(group, "key", "create", "acme").exit_code == 0
    (found,) = json.loads(run(group, "balance", "--json").stdout)
    assert (found["customer"], found["balance_usd"]) == ("acme", "0.00")
    assert len(json.loads(run(group, "key", "list", "acme", "--json").stdout)) == 2


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["credit", "acme", "ten"], "usd_invalid"),
        (["credit", "acme", "0"], "usd_invalid"),
        (["credit", "a b", "1"], "customer_invalid"),
        (["balance", "nobody"], "customer_unknown"),
        (["invoice", "nobody"], "customer_unknown"),
        (["usage", "--customer", "nobody"], "customer_unknown"),
        (["key", "create", "nobody"], "customer_unknown"),
        (["key", "create", "a b", "--new-customer"], "customer_invalid"),
        (["key", "list", "nobody"], "customer_unknown"),
        (["price", "remove", "nothing"], "price_unknown"),
        (["usage", "--period", "yesterday"], "period_invalid"),
        (["price", "set", "Tiny!", "1", "1"], "model_name_invalid"),
        (["price", "set", "tiny", "0.0000001", "1"], "usd_invalid"),
        (["key", "create", "acme", "--region", "Germany"], "policy_invalid"),
        (["key", "create", "acme", "--host", "cosmos1x"], "policy_invalid"),
        (["key", "create", "acme", "--spend", "-1"], "usd_invalid"),
        (["start", "--listen", "nowhere"], "gateway_config_invalid"),
        (["start", "--allow-network", "10.0.0.1/8"], "network_invalid"),
        (["start", "--hosts", "me"], "policy_invalid"),
        (["start", "--deposit", "lots"], "gateway_config_invalid"),
        (["start", "--renderer", "sidecar.sock"], "gateway_config_invalid"),
        (["start"], "key_not_found"),
        (["hosts", "--chain", "127.0.0.1:1"], "chain_unreachable"),
    ],
)
def test_mistakes__each__has_a_code_and_a_next_step(words: list[str], code: str) -> None:
    result = run(group, *words)
    assert error_of(result) == code
    assert "next: " in result.stderr


def test_hosts__a_chain_without_offers__lists_none(tmp_path: Path) -> None:
    with run_chain(tmp_path / "chain") as target:
        assert json.loads(run(group, "hosts", "--chain", target, "--json").stdout) == []
        assert error_of(run(group, "hosts", "--chain", target, "--model", "tiny")) == "model_name_invalid"

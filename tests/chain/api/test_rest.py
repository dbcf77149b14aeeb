"""REST as wallets ask for it."""

import json
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chain.api.asking import Answer, ask
from tests.chain.api.running import run_interfaces
from tests.chain.ledger import ANN, BALANCE, STRANGER


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home: Path = tmp_path_factory.mktemp("chain")
    with run_interfaces(home) as addresses:
        yield f"http://{addresses['rest']}"


def test_a_balance_is_read_with_the_height_it_was_read_at(url: str) -> None:
    answer = ask(f"{url}/cosmos/bank/v1beta1/balances/{ANN.text}/by_denom?denom=ngonka")
    assert answer.json == {"balance": {"denom": "ngonka", "amount": str(BALANCE)}}
    assert int(answer.headers["x-cosmos-block-height"]) >= 1
    assert answer.headers["Content-Type"].startswith("application/json")


def test_a_recent_height_can_be_asked_for(url: str) -> None:
    latest = int(ask(f"{url}/cosmos/base/node/v1beta1/status").headers["x-cosmos-block-height"])
    wanted = str(max(1, latest - 1))
    answer = ask(f"{url}/cosmos/bank/v1beta1/params", headers={"x-cosmos-block-height": wanted})
    assert answer.headers["x-cosmos-block-height"] == wanted


def test_any_web_page_may_ask(url: str) -> None:
    asked = ask(f"{url}/cosmos/tx/v1beta1/txs", method="OPTIONS")
    assert asked.status == 204
    for answer in (asked, ask(f"{url}/cosmos/bank/v1beta1/params"), ask(f"{url}/nothing")):
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "x-cosmos-block-height" in asked.headers["Access-Control-Allow-Headers"]
    assert "POST" in asked.headers["Access-Control-Allow-Methods"]


def test_a_list_is_read_page_by_page(url: str) -> None:
    first = ask(f"{url}/cosmos/staking/v1beta1/validators?pagination.limit=2&pagination.count_total=true").json
    assert (len(first["validators"]), first["pagination"]["total"]) == (2, "3")
    key = first["pagination"]["next_key"].replace("+", "%2B")
    rest = ask(f"{url}/cosmos/staking/v1beta1/validators?pagination.key={key}").json
    assert len(rest["validators"]) == 1


@pytest.mark.parametrize(
    ("path", "status", "code", "said"),
    [
        ("/nothing", 501, 12, "Not Implemented"),
        ("/cosmos/auth/v1beta1/accounts/nonsense", 400, 3, "address_invalid"),
        (f"/cosmos/auth/v1beta1/accounts/{STRANGER.text}", 404, 5, "account_unknown"),
        ("/cosmos/gov/v1/proposals/99", 404, 5, "proposal_unknown"),
        ("/cosmos/gov/v1/proposals/x", 400, 3, "request_invalid"),
        ("/cosmos/tx/v1beta1/txs/" + "00" * 32, 404, 5, "not_found"),
        ("/cosmos/bank/v1beta1/supply?pagination.limit=no", 400, 3, "request_invalid"),
    ],
)
def test_what_is_refused_has_code_message_and_details(url: str, path: str, status: int, code: int, said: str) -> None:
    answer = ask(url + path)
    assert (answer.status, answer.json["code"], answer.json["details"]) == (status, code, [])
    assert said in answer.json["message"]


@pytest.mark.parametrize("height", ["x", "-1", "99999999", "9" * 40])
def test_a_height_that_cannot_be_read_is_refused(url: str, height: str) -> None:
    answer = ask(f"{url}/cosmos/bank/v1beta1/params", headers={"x-cosmos-block-height": height})
    assert answer.status == 400
    assert answer.json["code"] in {3, 11}


def post(url: str, path: str, body: bytes) -> Answer:
    return ask(url + path, body, {"Content-Type": "application/json"})


def test_a_transaction_that_cannot_be_read_is_refused_with_a_code(url: str) -> None:
    body = json.dumps({"tx_bytes": b64encode(b"nonsense").decode(), "mode": "BROADCAST_MODE_SYNC"}).encode()
    sent = post(url, "/cosmos/tx/v1beta1/txs", body)
    assert (sent.status, sent.json["tx_response"]["codespace"]) == (200, "gonka")
    assert sent.json["tx_response"]["raw_log"].startswith("tx_malformed")
    tried = post(url, "/cosmos/tx/v1beta1/simulate", json.dumps({"tx_bytes": "AA=="}).encode())
    assert (tried.status, tried.json["code"]) == (400, 3)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff\x00", b"[" * 200_000, b'{"tx_bytes": "!!"}'])
def test_a_body_that_is_no_request_is_refused_and_the_node_lives(url: str, body: bytes) -> None:
    assert post(url, "/cosmos/tx/v1beta1/simulate", body).status == 400
    assert ask(f"{url}/cosmos/bank/v1beta1/params").status == 200


def test_a_body_over_the_limit_is_refused_and_the_node_lives(url: str) -> None:
    answer = post(url, "/cosmos/tx/v1beta1/txs", b"x" * (3 << 20))
    assert (answer.status, answer.json["code"]) == (413, 3)
    assert ask(f"{url}/cosmos/bank/v1beta1/params").status == 200

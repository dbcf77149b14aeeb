"""Paths, queries and bodies -> requests."""

import json

import pytest

from chain.api.http_rules import MAX_FIELDS, Rule, build_request, find_rule, read_rules
from chain.api.methods import QUERIES
from chain.api.registry import Registry
from chain.api.transactions import build_queries
from rules.errors import RuleError
from tests.chain.api.node import open_api

from cosmos.tx.v1beta1.service_pb2 import BROADCAST_MODE_SYNC, BroadcastTxRequest


def all_rules() -> tuple[Rule, ...]:
    with open_api() as api:
        return read_rules(Registry.build((*QUERIES, *build_queries(api.chain))).methods)


RULES = all_rules()


def find(verb: str, path: str) -> tuple[str, tuple[str, ...]] | None:
    found = find_rule(RULES, verb, path)
    return None if found is None else (found[0].method.path.rpartition(".")[2], found[1])


@pytest.mark.parametrize(
    ("verb", "path", "method", "parts"),
    [
        ("GET", "/cosmos/bank/v1beta1/balances/gonka1x", "Query/AllBalances", ("gonka1x",)),
        ("GET", "/cosmos/bank/v1beta1/balances/gonka1x/by_denom", "Query/Balance", ("gonka1x",)),
        ("GET", "/cosmos/bank/v1beta1/supply/by_denom", "Query/SupplyOf", ()),
        ("GET", "/cosmos/bank/v1beta1/denoms_metadata/factory/a/b", "Query/DenomMetadata", ("factory/a/b",)),
        ("GET", "/cosmos/base/tendermint/v1beta1/blocks/latest", "Service/GetLatestBlock", ()),
        ("GET", "/cosmos/base/tendermint/v1beta1/blocks/5", "Service/GetBlockByHeight", ("5",)),
        ("GET", "/cosmos/gov/v1/proposals/1/votes/gonka1%2Fx", "Query/Vote", ("1", "gonka1/x")),
        ("GET", "/cosmos/tx/v1beta1/txs", "Service/GetTxsEvent", ()),
        ("POST", "/cosmos/tx/v1beta1/txs", "Service/BroadcastTx", ()),
        ("GET", "/cosmos/tx/v1beta1/txs/block/5", "Service/GetBlockWithTxs", ("5",)),
    ],
)
def test_find_rule__a_path__is_the_method_and_its_fields(
    verb: str, path: str, method: str, parts: tuple[str, ...]
) -> None:
    assert find(verb, path) == (method, parts)


@pytest.mark.parametrize(
    ("verb", "path"),
    [
        ("GET", "/"),
        ("GET", "/cosmos/bank/v1beta1/balances/"),
        ("GET", "/cosmos/bank/v1beta1/balances/a/b"),
        ("POST", "/cosmos/bank/v1beta1/balances/a"),
        ("DELETE", "/cosmos/tx/v1beta1/txs"),
    ],
)
def test_find_rule__no_such_path__is_none(verb: str, path: str) -> None:
    assert find(verb, path) is None


def build(path: str, *query: tuple[str, str]) -> object:
    found = find_rule(RULES, "GET", path)
    assert found is not None
    return build_request(found[0], found[1], query, b"")


def test_build_request__fields_of_path_and_query__are_set_by_either_name() -> None:
    request = build(
        "/cosmos/staking/v1beta1/validators",
        ("status", "BOND_STATUS_BONDED"),
        ("pagination.limit", "5"),
        ("pagination.countTotal", "true"),
        ("pagination.key", "AAAAAAAAAAU="),
    )
    assert (request.status, request.pagination.limit) == ("BOND_STATUS_BONDED", 5)
    assert (request.pagination.count_total, request.pagination.key) == (True, (5).to_bytes(8, "big"))
    listed = build("/cosmos/tx/v1beta1/txs", ("events", "a='1'"), ("events", "b='2'"), ("order_by", "ORDER_BY_DESC"))
    assert (list(listed.events), listed.order_by) == (["a='1'", "b='2'"], 2)
    proposals = build(
        "/cosmos/gov/v1/proposals", ("proposal_status", "2"), ("pagination.key", "AAAAAAAAAP8"[:-1] + "_w==")
    )
    assert proposals.proposal_status == 2


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/cosmos/staking/v1beta1/validators", [("nothing", "1")]),
        ("/cosmos/staking/v1beta1/validators", [("pagination", "1")]),
        ("/cosmos/staking/v1beta1/validators", [("pagination.limit", "x")]),
        ("/cosmos/staking/v1beta1/validators", [("pagination.limit", "-1")]),
        ("/cosmos/staking/v1beta1/validators", [("pagination.limit", "9" * 5000)]),
        ("/cosmos/staking/v1beta1/validators", [("pagination.limit", "9" * 20)]),
        ("/cosmos/staking/v1beta1/validators", [("pagination.limit.x", "1")]),
        ("/cosmos/staking/v1beta1/validators", [("pagination.count_total", "maybe")]),
        ("/cosmos/staking/v1beta1/validators", [("pagination.key", "!")]),
        ("/cosmos/staking/v1beta1/validators", [("status.x", "1")]),
        ("/cosmos/staking/v1beta1/validators", [(".".join("a" * 100), "1")]),
        ("/cosmos/staking/v1beta1/validators", [("", "1")]),
        ("/cosmos/staking/v1beta1/validators", [("status", "x")] * (MAX_FIELDS + 1)),
        ("/cosmos/gov/v1/proposals/abc", []),
        ("/cosmos/gov/v1/proposals", [("proposal_status", "NO_STATUS")]),
        ("/cosmos/gov/v1/proposals", [("proposal_status", "9" * 30)]),
    ],
)
def test_build_request__a_field_that_cannot_be__is_refused(path: str, query: list[tuple[str, str]]) -> None:
    with pytest.raises(RuleError, match="request_invalid"):
        build(path, *query)


def post(body: bytes) -> object:
    found = find_rule(RULES, "POST", "/cosmos/tx/v1beta1/txs")
    assert found is not None
    return build_request(found[0], found[1], (), body)


def test_build_request__a_body__is_the_request() -> None:
    body = json.dumps({"tx_bytes": "AQI=", "mode": "BROADCAST_MODE_SYNC"}).encode()
    assert post(body) == BroadcastTxRequest(tx_bytes=b"\x01\x02", mode=BROADCAST_MODE_SYNC)


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b"\xff",
        b"1",
        b'{"mode": "NO"}',
        b'{"tx_bytes": 5}',
        b'{"another": 1}',
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b"9" * 9999,
    ],
)
def test_build_request__no_such_body__is_refused(body: bytes) -> None:
    with pytest.raises(RuleError, match="request_invalid"):
        post(body)

"""The genesis file: what it makes, and each way in which it can be wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from chain.genesis import read_genesis
from chain.modules.bank.state import get_balance, get_supply, scan_balances
from chain.modules.params.state import get_frozen, get_live
from chain.modules.stake.state import get_weights
from chain.process import open_node
from chain.store.store import Store
from rules.addresses import encode_address, module_address
from rules.errors import RuleError
from rules.presets import GENESIS_UNITS, MINIMAL
from tests.chain.ledger import ANN, BALANCE, BOB, CAT, STRANGER, make_context, make_genesis

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "state.json").read_text())


def broken(change: Callable[[Any], object]) -> bytes:
    genesis = json.loads(make_genesis())
    change(genesis)
    return json.dumps(genesis).encode()


def test_init_state__genesis__makes_balances_hosts_and_params() -> None:
    store = make_context().store
    assert get_balance(store, ANN.address) == BALANCE
    assert get_supply(store) == sum(amount for _, amount in scan_balances(store)) == 4 * BALANCE
    assert get_weights(store, 0) == dict.fromkeys(sorted([ANN.address, BOB.address, CAT.address]), GENESIS_UNITS)
    assert get_live(store) == get_frozen(store) == MINIMAL


def test_init_state__community_pool__is_part_of_the_supply() -> None:
    def fill(genesis: Any) -> None:
        genesis["community_pool_ngonka"] = "5"
        genesis["supply_ngonka"] = str(4 * BALANCE + 5)

    store = make_context(broken(fill)).store
    assert get_balance(store, module_address("pool")) == 5
    assert get_supply(store) == 4 * BALANCE + 5


def test_build_genesis__twice__is_the_same_file() -> None:
    assert make_genesis() == make_genesis()


def test_genesis_and_first_block__lead_to_the_app_hash_of_the_vector() -> None:
    with open_node(Store.in_memory(), make_genesis()) as node:
        app_hash = node.engine.make_block(10**18).result.app_hash
    assert app_hash.hex() == VECTORS["first_app_hash"]


CASES: list[tuple[bytes, str]] = [
    (b"", "empty"),
    (b"{", "cut off"),
    (b"\xff\xfe", "no text"),
    (b"[]", "no object"),
    (broken(lambda g: g.update(extra=1)), "an unknown field"),
    (broken(lambda g: g["params"]["stake"].update(extra=1)), "an unknown parameter"),
    (broken(lambda g: g["hosts"].clear()), "no hosts"),
    (broken(lambda g: g["hosts"].append(g["hosts"][0])), "a host twice"),
    (broken(lambda g: g["hosts"].append({"address": STRANGER.text, "units": "5"})), "a host without account"),
    (broken(lambda g: g["hosts"][0].update(units="0")), "a host without units"),
    (broken(lambda g: g["hosts"][0].update(units=str(2**63))), "a host with too many units"),
    (broken(lambda g: g["accounts"].append(g["accounts"][0])), "an account twice"),
    (broken(lambda g: g["hosts"][0].update(address=g["hosts"][0]["address"].upper())), "an address in capitals"),
    (broken(lambda g: g["accounts"][0].update(balance_ngonka="5")), "balances of another sum"),
    (broken(lambda g: g["accounts"][0].update(balance_ngonka="-5")), "a negative balance"),
    (broken(lambda g: g["accounts"][0].update(balance_ngonka=str(2**64))), "a balance that is no uint64"),
    (
        broken(lambda g: g["accounts"].append({"address": encode_address(module_address("stake"))})),
        "an account of a module",
    ),
    (broken(lambda g: g.update(community_pool_ngonka="5")), "a pool that is not in the supply"),
    (broken(lambda g: g.pop("supply_ngonka")), "no supply"),
    (broken(lambda g: g.update(chain_id="")), "no chain id"),
    (broken(lambda g: g.update(chain_id="a b")), "a space in the chain id"),
    (broken(lambda g: g.update(chain_id="x" * 51)), "a long chain id"),
    (broken(lambda g: g.pop("genesis_time_unix_ms")), "no time"),
    (broken(lambda g: g.pop("params")), "no parameters"),
    (broken(lambda g: g["params"]["sprint"].update(samples=1)), "parameters that break an invariant"),
    (broken(lambda g: g["params"]["sprint"].update(max_hosts=2)), "more hosts than allowed"),
]


@pytest.mark.parametrize(("file", "because"), CASES)
def test_read_genesis__broken__is_refused(file: bytes, because: str) -> None:
    with pytest.raises(RuleError, match=r"^genesis_invalid"):
        read_genesis(file)


def test_read_genesis__supply_beyond_the_limit__is_refused() -> None:
    def inflate(genesis: Any) -> None:
        genesis["accounts"][0]["balance_ngonka"] = str(2**63 - 1)
        genesis["supply_ngonka"] = str(2**63 - 1 + 3 * BALANCE)

    with pytest.raises(RuleError, match=r"^genesis_invalid: supply_ngonka .* limit"):
        read_genesis(broken(inflate))

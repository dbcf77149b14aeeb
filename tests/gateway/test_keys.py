from pathlib import Path

import pytest

from chain_client.errors import PermanentError
from gateway.accounts import add_customer
from gateway.keys import create_key, find_key, list_keys, revoke_key
from gateway.policies import make_policy
from tests.gateway.ledgers import entropy, open_ledger


def test_find_key__the_text_that_was_shown__finds_it_and_nothing_else_does(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as (store, first):
        policy = make_policy(models=("m",))
        store.write_now(lambda c: add_customer(c, "bcme", 2))
        key, text = store.write_now(lambda c: create_key(c, "bcme", policy, entropy=entropy, now_ms=2))
        told = text.reveal().decode()
        assert find_key(store.connection, told) == key
        assert key.policy == policy
        for wrong in ("", told[:-1], told + "x", told.upper(), key.prefix, "gnk-\ud800"):
            assert find_key(store.connection, wrong) is None
        assert [k.key_id for k in list_keys(store.connection)] == [first.key_id, key.key_id]
        assert list_keys(store.connection, "bcme") == [key]


def test_create_key__the_file__does_not_hold_its_text(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as (store, _):
        _, text = store.write_now(lambda c: create_key(c, "acme", make_policy(), entropy=entropy, now_ms=2))
        assert repr(text) == "********"
    for path in tmp_path.iterdir():
        assert text.reveal()[10:] not in path.read_bytes()


def test_revoke_key__at_once__and_the_first_time_stands(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as (store, _):
        key, text = store.write_now(lambda c: create_key(c, "acme", make_policy(), entropy=entropy, now_ms=2))
        assert store.write_now(lambda c: revoke_key(c, key.key_id, 50)).revoked_ms == 50
        assert store.write_now(lambda c: revoke_key(c, key.key_id, 60)).revoked_ms == 50
        assert find_key(store.connection, text.reveal().decode()) is None
        with pytest.raises(PermanentError) as caught:
            store.write_now(lambda c: revoke_key(c, "key_none", 1))
        assert caught.value.code == "api_key_unknown"

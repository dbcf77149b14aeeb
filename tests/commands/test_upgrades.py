"""Backups and rehearsals of a chain that goes on meanwhile."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from chain.context import Context
from chain.modules.upgrade import migrating
from chain.process import DATA_FILE
from chain.store.store import Store
from commands.chain import group
from rules.errors import RuleError
from tests.chain.api.running import run_chain
from tests.commands.people import error_of, run, run_json


def migrate(ctx: Context) -> None:
    ctx.store.set(b"test/new", b"1")
    ctx.store.delete(next(key for key, _ in ctx.store.scan(b"bank/balance/")))


def refuse(_ctx: Context) -> None:
    raise RuleError("params_invalid", "not this state")


def test_backup__of_a_running_chain__is_a_store_of_a_whole_height(tmp_path: Path) -> None:
    home, target = tmp_path / "home", tmp_path / "backup"
    with run_chain(home):  # in this process, where LMDB opens a store once
        command = [sys.executable, "cli.py", "chain", "backup", str(target), "--home", str(home), "--json"]
        said = json.loads(subprocess.run(command, check=True, capture_output=True, timeout=60).stdout)
    store = Store.open(target)
    assert (store.height, store.app_hash.hex()) == (said["height"], said["app_hash"])
    assert store.height > 0
    store.close()


def test_backup__no_store_or_a_target_in_use__is_refused(tmp_path: Path) -> None:
    assert error_of(run(group, "backup", str(tmp_path / "b"), "--home", str(tmp_path))) == "store_unreadable"
    Store.open(tmp_path / "home" / DATA_FILE).close()
    assert error_of(run(group, "backup", str(tmp_path), "--home", str(tmp_path / "home"))) == "backup_exists"


def test_rehearse__an_upgrade_that_is_known__says_what_it_comes_to_and_leaves_the_chain_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrating, "MIGRATIONS", {"v2": migrate, "bad": refuse})
    with run_chain(tmp_path):
        pass
    found = run_json(group, "rehearse", "v2", "--home", str(tmp_path))
    assert error_of(run(group, "rehearse", "bad", "--home", str(tmp_path))) == "upgrade_failed"
    assert (found["written"], found["removed"]) == (2, 1)
    assert isinstance(found["seconds"], float)
    assert found["app_hash_before"] != found["app_hash_after"]
    store = Store.open(tmp_path / DATA_FILE)
    assert store.latest.get(b"test/new") is None
    store.close()


def test_rehearse__an_upgrade_that_is_not_known__names_those_that_are(tmp_path: Path) -> None:
    with run_chain(tmp_path):
        pass
    result = run(group, "rehearse", "v9", "--home", str(tmp_path))
    assert error_of(result) == "upgrade_needed"
    assert "which knows none" in result.stderr

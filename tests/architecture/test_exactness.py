"""Where the protocol decides there is no floating point."""

import ast
import sys
from pathlib import Path

import pytest

from tests.architecture.sources import ROOT, find_imported, name_of

EXACT = sorted([*(ROOT / "rules").rglob("*.py"), *(ROOT / "chain").rglob("*.py")])


def find_inexact(tree: ast.AST) -> list[str]:
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, float | complex):
            found.append(f"line {node.lineno}: the constant {node.value}")
        elif isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div) and not is_path(node):
            found.append(f"line {node.lineno}: a division by /")
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "float":
            found.append(f"line {node.lineno}: float()")
    return found


def is_path(node: ast.BinOp | ast.AugAssign) -> bool:
    """True for `home / "name"` and `home / LOCK_FILE`: joining a path is no division."""
    right = node.right if isinstance(node, ast.BinOp) else node.value
    if isinstance(right, ast.Name) and right.id.endswith("_FILE"):
        return True
    return isinstance(right, ast.JoinedStr) or (isinstance(right, ast.Constant) and isinstance(right.value, str))


@pytest.mark.parametrize("path", EXACT, ids=name_of)
def test_rules_and_chain_compute_with_integers_and_fractions_only(path: Path) -> None:
    allowed = {"chain/process.py", "chain/engine/local.py"}  # waits are in seconds; nothing is decided by them
    found = find_inexact(ast.parse(path.read_text()))
    if name_of(path) in allowed:
        found = [f for f in found if "constant" not in f]
    assert not found


@pytest.mark.parametrize("source", ["x = 0.5", "x = a / b", "x /= 2", "x = float(y)"])
def test_find_inexact__floats_in_any_form__are_found(source: str) -> None:
    assert find_inexact(ast.parse(source))


CHANCE_AND_TIME = {"time", "random", "secrets", "uuid"}
IO = {*CHANCE_AND_TIME, "asyncio", "grpc", "os", "pathlib", "sqlite3", "socket", "structlog", "subprocess"}


@pytest.mark.parametrize("path", EXACT, ids=name_of)
def test_rules_and_chain_know_neither_chance_nor_the_time_of_day(path: Path) -> None:
    found = find_imported(ast.parse(path.read_text())) & CHANCE_AND_TIME
    assert found == ({"time"} if path == ROOT / "chain" / "engine" / "clock.py" else set())


DECIDING = [
    *sorted((ROOT / "rules").rglob("*.py")),
    ROOT / "chain_client" / "duties.py",
    ROOT / "chain_client" / "readiness.py",
    ROOT / "chain_client" / "review.py",
    ROOT / "chain_client" / "transactions.py",
    ROOT / "sidecar" / "arbiter.py",
    ROOT / "sidecar" / "jobs.py",
]


@pytest.mark.parametrize("path", DECIDING, ids=name_of)
def test_what_chooses_does_not_await_and_touches_nothing(path: Path) -> None:
    tree = ast.parse(path.read_text())
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.AsyncFunctionDef | ast.Await)]
    assert not find_imported(tree) & IO


@pytest.mark.parametrize("path", sorted((ROOT / "rules").rglob("*.py")), ids=name_of)
def test_rules_import_the_standard_library_only(path: Path) -> None:
    assert find_imported(ast.parse(path.read_text())) <= {*sys.stdlib_module_names, "rules"}


@pytest.mark.parametrize("source", ["import time", "from time import time_ns", "def f():\n    import os, time"])
def test_find_imported__an_import_in_any_form__is_found(source: str) -> None:
    assert "time" in find_imported(ast.parse(source))

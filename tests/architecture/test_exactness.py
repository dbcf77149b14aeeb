"""Where the protocol decides there is no floating point."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
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


@pytest.mark.parametrize("path", EXACT, ids=lambda p: str(p.relative_to(ROOT)))
def test_rules_and_chain_compute_with_integers_and_fractions_only(path: Path) -> None:
    allowed = {"chain/process.py", "chain/engine/local.py"}  # waits are in seconds; nothing is decided by them
    found = find_inexact(ast.parse(path.read_text()))
    if str(path.relative_to(ROOT)) in allowed:
        found = [f for f in found if "constant" not in f]
    assert not found


@pytest.mark.parametrize("source", ["x = 0.5", "x = a / b", "x /= 2", "x = float(y)"])
def test_find_inexact__floats_in_any_form__are_found(source: str) -> None:
    assert find_inexact(ast.parse(source))

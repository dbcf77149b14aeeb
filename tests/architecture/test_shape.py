"""Sizes, mirrored tests, and who may be imported by whom."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.sources import PACKAGES, ROOT, SOURCES, find_imported, name_of

TESTS = sorted(p for package in PACKAGES for p in (ROOT / "tests" / package).rglob("test_*.py"))
VAGUE = {"utils", "util", "helpers", "helper", "common", "manager", "misc"}


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_files_stay_under_400_lines_and_functions_under_60(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= 400
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            assert node.end_lineno - node.lineno < 60, f"{node.name} is too long"


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_functions_take_at_most_six_parameters(path: Path) -> None:
    is_command = path.parts[-2] == "commands"  # a command's parameters are its flags
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not is_command:
            if any(ast.unparse(decorator).startswith("triton.jit") for decorator in node.decorator_list):
                continue  # a kernel takes what its launch sends
            names = [a.arg for a in [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]]
            taken = [n for n in names if n not in {"self", "cls"}]
            assert len(taken) <= 6, f"{node.name} takes {taken}: a record is missing"


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_modules_are_nouns_of_the_field(path: Path) -> None:
    assert path.stem not in VAGUE


def test_every_test_mirrors_a_module() -> None:
    strays = []
    for test in TESTS:
        package = (ROOT / test.relative_to(ROOT / "tests")).parent
        stem = test.stem.removeprefix("test_")
        covered = (package / f"{stem}.py", package / stem / "__init__.py", package / "__init__.py")
        if not any(p.exists() for p in covered):
            strays.append(name_of(test))
    assert not strays


def test_imports_go_one_way() -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout


def test_only_the_worker_and_the_pow_commands_import_the_kernels() -> None:
    importers = {
        name_of(path)
        for path in SOURCES
        if path.relative_to(ROOT).parts[0] != "pow_kernels"
        and "pow_kernels" in find_imported(ast.parse(path.read_text()))
    }
    assert importers == {"sidecar/worker.py", "commands/pow.py"}


@pytest.mark.parametrize(
    "source", ["import pow_kernels.spec", "def f():\n    from pow_kernels import spec", "import os, pow_kernels as p"]
)
def test_find_imported__an_import_in_any_form__is_found(source: str) -> None:
    assert "pow_kernels" in find_imported(ast.parse(source))

"""Every error raised has a code in its catalogue, and every code in a catalogue is raised."""

import ast
import re
from collections.abc import Iterator
from itertools import combinations

import pytest

from chain.engine.errors import ENGINE_FAULTS
from chain.store.errors import STORE_FAULTS
from chain_client.errors import CLIENT_FAULTS
from rules.errors import CATALOGUE
from sidecar.errors import SIDECAR_FAULTS
from tests.architecture.sources import ROOT, SOURCES, name_of
from wire.openai.errors import API_FAULTS

CATALOGUES = {
    "rules": CATALOGUE,
    "client": CLIENT_FAULTS,
    "store": STORE_FAULTS,
    "engine": ENGINE_FAULTS,
    "sidecar": SIDECAR_FAULTS,
    "api": API_FAULTS,
}
CODES_OF = {
    "RuleError": {*CATALOGUE},
    "ClientError": {*CLIENT_FAULTS, *CATALOGUE},
    "PermanentError": {*CLIENT_FAULTS, *CATALOGUE},
    "TransientError": {*CLIENT_FAULTS, *CATALOGUE},
    "StoreError": {*STORE_FAULTS},
    "EngineError": {*ENGINE_FAULTS},
    "SidecarError": {*SIDECAR_FAULTS},
    "ApiError": {*API_FAULTS},
}
TABLES = {
    "rules/errors.py",
    "chain_client/errors.py",
    "chain/store/errors.py",
    "chain/engine/errors.py",
    "sidecar/errors.py",
    "wire/errors.py",
    "wire/openai/errors.py",
}


def find_raised(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Class and code of each of our errors that is made with a literal code."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in CODES_OF and node.args:
            code = node.args[0]
            if isinstance(code, ast.Constant) and isinstance(code.value, str):
                yield node.func.id, code.value


def test_every_raised_code_is_in_the_catalogue_of_its_class() -> None:
    raised = [
        (kind, code, name_of(path)) for path in SOURCES for kind, code in find_raised(ast.parse(path.read_text()))
    ]
    assert len(raised) > 100
    assert {kind for kind, _, _ in raised} == {
        "RuleError",
        "PermanentError",
        "TransientError",
        "StoreError",
        "EngineError",
        "SidecarError",
        "ApiError",
    }
    assert not [(kind, code, path) for kind, code, path in raised if code not in CODES_OF[kind]]


def test_find_raised__a_call_with_a_literal__gives_class_and_code() -> None:
    assert list(find_raised(ast.parse('raise StoreError("store_full", "no room")'))) == [("StoreError", "store_full")]


def test_every_code_in_a_catalogue_is_used() -> None:
    text = "\n".join(p.read_text() for p in (*SOURCES, ROOT / "cli.py") if name_of(p) not in TABLES)
    words = set(re.findall(r"[\"']([a-z][a-z0-9_]+)[\"']", text))
    unused = {name: [code for code in codes if code not in words] for name, codes in CATALOGUES.items()}
    assert not any(unused.values()), unused


@pytest.mark.parametrize(("one", "other"), [*combinations(CATALOGUES, 2)])
def test_a_code_means_the_same_in_every_catalogue(one: str, other: str) -> None:
    mine, theirs = CATALOGUES[one], CATALOGUES[other]
    said = {
        code: ((mine[code].title, mine[code].next_step), (theirs[code].title, theirs[code].next_step))
        for code in mine.keys() & theirs.keys()
    }
    assert not {code for code, (here, there) in said.items() if here != there}


@pytest.mark.parametrize("name", CATALOGUES)
def test_a_catalogue_says_what_a_code_means_and_what_to_do(name: str) -> None:
    for code, fault in CATALOGUES[name].items():
        assert re.fullmatch(r"[a-z][a-z0-9_]{3,40}", code)
        assert fault.title
        assert fault.next_step
        assert fault.title != fault.next_step


def test_numbers_are_unique_and_never_zero() -> None:
    numbers = [fault.number for fault in CATALOGUE.values()]
    assert len(set(numbers)) == len(numbers)
    assert min(numbers) > 0

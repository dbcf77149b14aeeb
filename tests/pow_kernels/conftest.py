"""The golden values of the proof function, as the tests of this package read them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

VECTORS = Path(__file__).parents[1] / "vectors"


def load_cases(name: str) -> list[dict[str, Any]]:
    cases: list[dict[str, Any]] = json.loads((VECTORS / name).read_text())["cases"]
    return cases


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """`case` runs a test once per golden case; `large_case` once per case of the large profiles."""
    for argument, name in (("case", "itx1.json"), ("large_case", "itx1-large.json")):
        if argument in metafunc.fixturenames:
            cases = load_cases(name)
            metafunc.parametrize(argument, cases, ids=[f"{c['profile']}-{c['host'][:4]}" for c in cases])

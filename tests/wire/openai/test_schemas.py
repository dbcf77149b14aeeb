"""JSON schemas: what can be matched in bounded time, and what fits."""

import time
from typing import Any

import pytest

from wire.openai.schemas import check_schema, fits_schema

PERSON = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}


def chain(links: int) -> dict[str, Any]:
    """Each definition refers twice to the next: 2^links values when they are written out."""
    defs = {str(i): {"allOf": [{"$ref": f"#/$defs/{i + 1}"}] * 2} for i in range(links)}
    return {"$defs": defs | {str(links): True}, "$ref": "#/$defs/0"}


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#"},
        {"anyOf": [{"$ref": "#"}, {"type": "null"}]},
        {"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"},
        chain(30),
        {"$ref": "#/nowhere"},
        {"$ref": "file:///etc/passwd"},
        {"$id": "file:///etc/", "$ref": "passwd"},
        {"$dynamicRef": "#x", "$dynamicAnchor": "x"},
        {"$schema": "http://example.com/schema"},
        {"pattern": "(a{1000}){1000}"},
        {"pattern": "(?=a)"},
        {"pattern": r"\S{1,4000}"},
        {"properties": {f"p{i}": {"pattern": f"{i}.{{1,900}}"} for i in range(33)}},
        {"patternProperties": {f"{i}.{{1,900}}": {} for i in range(33)}},
        {"$defs": {"a": {"pattern": "a"}}, "allOf": [{"$ref": "#/$defs/a"}] * 33},
        {"type": 5},
    ],
)
def test_check_schema__circles_bombs_and_references_to_elsewhere__are_named(schema: dict[str, Any]) -> None:
    began = time.monotonic()
    assert check_schema(schema)
    assert time.monotonic() - began < 2


@pytest.mark.parametrize("schema", [{}, PERSON, chain(3), {"enum": [1, "a", None]}, {"pattern": "^(a+)+$"}])
def test_check_schema__a_usable_one__has_nothing_wrong(schema: dict[str, Any]) -> None:
    assert check_schema(schema) == ""


def test_fits_schema__a_value__fits_or_does_not() -> None:
    assert fits_schema(PERSON, {"name": "Ada"})
    assert not fits_schema(PERSON, {"name": 1})
    assert not fits_schema(PERSON, {})
    assert not fits_schema({"$defs": {"a": {"type": "string"}}, "items": {"$ref": "#/$defs/a"}}, [1])


def test_fits_schema__a_pattern_that_backtracking_never_ends__is_fast() -> None:
    began = time.monotonic()
    assert not fits_schema({"pattern": "^(a+)+$"}, "a" * 50_000 + "b")
    assert time.monotonic() - began < 2

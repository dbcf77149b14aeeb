"""JSON schemas that applications send: bounded, without references to elsewhere or in circles, and with patterns that
no text makes slow.  So matching an answer takes time in proportion to the two."""

from __future__ import annotations

from typing import Any, Final, NoReturn
from urllib.parse import unquote

import jsonschema_rs

from wire.openai.limits import PATTERN_BYTES, SCHEMA_DEPTH, SCHEMA_NODES, SCHEMA_PATTERNS

_UNSERVED: Final = ("$id", "$anchor", "$dynamicRef", "$dynamicAnchor", "$recursiveRef")


def check_schema(schema: dict[str, Any]) -> str:
    """What is wrong with a schema, in words; empty for one that can be used."""
    if problem := _measure(schema):
        return problem
    try:
        _compile(schema)
    except (ValueError, jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError) as error:
        return f"no JSON schema: {str(error).splitlines()[0][:200]}"
    return ""


def fits_schema(schema: dict[str, Any], value: Any) -> bool:
    """Whether a JSON value fits a schema that `check_schema` found nothing wrong with."""
    try:
        return bool(_compile(schema).is_valid(value))
    except ValueError:  # deeper than the validator goes
        return False


def _measure(schema: dict[str, Any]) -> str:
    """Walks the schema with every reference written out: that is what matching costs."""
    nodes = patterns = 0
    waiting: list[tuple[int, Any, frozenset[str]]] = [(0, schema, frozenset())]
    while waiting:
        depth, node, behind = waiting.pop()
        nodes += 1
        if depth > SCHEMA_DEPTH or nodes > SCHEMA_NODES:
            return f"more than {SCHEMA_DEPTH} levels or {SCHEMA_NODES} values, with each reference written out"
        if isinstance(node, list):
            waiting += [(depth + 1, child, behind) for child in node]
        elif isinstance(node, dict):
            waiting += [(depth + 1, child, behind) for child in node.values()]
            patterns += _count_patterns(node)
            if patterns > SCHEMA_PATTERNS:
                return f"more than {SCHEMA_PATTERNS} patterns, with each reference written out"
            if unserved := next((word for word in _UNSERVED if isinstance(node.get(word), str)), ""):
                return f"{unserved} is not served here"
            if isinstance(reference := node.get("$ref"), str):
                if reference in behind:
                    return f"{reference[:80]} refers to itself"
                target = _find(schema, reference)
                if target is None:
                    return f"{reference[:80]} leads nowhere within the schema"
                waiting.append((depth + 1, target, behind | {reference}))
    return ""


def _count_patterns(node: dict[str, Any]) -> int:
    """Regular expressions that a schema's own words bring: each is compiled to an automaton that may be large."""
    by_name = node.get("patternProperties")
    return isinstance(node.get("pattern"), str) + (len(by_name) if isinstance(by_name, dict) else 0)


def _find(schema: dict[str, Any], reference: str) -> Any:
    """What a JSON pointer of the schema leads to, such as #/$defs/name; None where it leads nowhere."""
    root, *steps = reference.split("/")
    node: Any = schema if root == "#" else None
    for step in steps:
        name = unquote(step).replace("~1", "/").replace("~0", "~")
        if isinstance(node, list) and name.isdecimal() and int(name) < len(node):
            node = node[int(name)]
        else:
            node = node.get(name) if isinstance(node, dict) else None
    return node


def _compile(schema: dict[str, Any]) -> Any:
    """Patterns become finite automata, of bounded size."""
    options = jsonschema_rs.RegexOptions(size_limit=PATTERN_BYTES, dfa_size_limit=PATTERN_BYTES)
    return jsonschema_rs.validator_for(schema, pattern_options=options, retriever=_refuse)


def _refuse(uri: str) -> NoReturn:
    raise ValueError(f"{uri} is outside the schema")

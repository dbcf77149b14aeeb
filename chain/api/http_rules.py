"""Which HTTP request is which method: the google.api.http rules of the registry's methods.

A path such as /cosmos/gov/v1/proposals/{proposal_id}/votes gives fields of the request; a GET's query gives the rest,
nested ones by dots, as in pagination.limit; a POST's body is the request in JSON.  Source: google/api/http.proto.
"""

from __future__ import annotations

import json
import re
from base64 import b64decode, urlsafe_b64decode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote

from google.api import annotations_pb2
from google.protobuf import descriptor_pool
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.json_format import ParseDict, ParseError
from google.protobuf.message import Message

from chain.api.registry import Method
from rules.errors import RuleError

MAX_FIELDS: Final = 64
"""Most parameters of a query."""
_MAX_NESTING: Final = 4
_MAX_BODY_NESTING: Final = 64
_VARIABLE: Final = re.compile(r"\{([a-z0-9_.]+)(=\*\*)?\}")
_BOOLS: Final = {"true": True, "1": True, "false": False, "0": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A method at a path: `pattern` matches it, `fields` are what its groups give, in order."""

    verb: str
    pattern: re.Pattern[str]
    fields: tuple[str, ...]
    method: Method


def read_rules(methods: Iterable[Method]) -> tuple[Rule, ...]:
    """The rules of the methods that have any; those with a literal where another has a variable come first."""
    rules: list[tuple[str, Rule]] = []
    for method in methods:
        options = descriptor_pool.Default().FindMethodByName(method.query.method).GetOptions()
        http = options.Extensions[annotations_pb2.http]
        for one in (http, *http.additional_bindings):
            verb = one.WhichOneof("pattern")
            if verb:
                path = getattr(one, verb)
                rules.append((path, _compile(verb.upper(), path, method)))
    return tuple(rule for _, rule in sorted(rules, key=lambda pair: _VARIABLE.sub("\x7f", pair[0])))


def find_rule(rules: Sequence[Rule], verb: str, path: str) -> tuple[Rule, tuple[str, ...]] | None:
    """The rule of a request and what its path gives, in the order of the rule's fields; `path` is still escaped."""
    for rule in rules:
        match = rule.pattern.fullmatch(path) if rule.verb == verb else None
        if match is not None:
            return rule, tuple(unquote(part) for part in match.groups())
    return None


def build_request(rule: Rule, parts: Sequence[str], query: Sequence[tuple[str, str]], body: bytes) -> Message:
    """The request that path, query and body make together.  RuleError request_invalid."""
    request = _read_body(rule.method.request, body) if body else rule.method.request()
    if len(query) > MAX_FIELDS:
        raise RuleError("request_invalid", f"a query has at most {MAX_FIELDS} parameters")
    for name, text in (*zip(rule.fields, parts, strict=True), *query):
        _set_field(request, name, text)
    return request


def _compile(verb: str, path: str, method: Method) -> Rule:
    variables = _VARIABLE.findall(path)
    pattern = re.escape(_VARIABLE.sub("\x00", path)).replace("\x00", "{}").replace("\\\x00", "{}")
    groups = ["(.+)" if deep else "([^/]+)" for _, deep in variables]
    return Rule(
        verb=verb,
        pattern=re.compile(pattern.format(*groups)),
        fields=tuple(name for name, _ in variables),
        method=method,
    )


def _read_body(kind: type[Message], body: bytes) -> Message:
    try:
        value = json.loads(body)
        if not isinstance(value, dict):
            raise RuleError("request_invalid", "the body is a JSON object")
        return ParseDict(value, kind(), max_recursion_depth=_MAX_BODY_NESTING)
    except (ParseError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise RuleError("request_invalid", f"the body is no {kind.DESCRIPTOR.full_name}: {str(error)[:200]}") from error


def _set_field(request: Message, name: str, text: str) -> None:
    *path, last = name.split(".")
    if len(path) > _MAX_NESTING:
        raise RuleError("request_invalid", f"{name[:80]!r} is nested too deep")
    target = request
    for part in path:
        field = _find_field(target, part, name)
        if field.cpp_type != FieldDescriptor.CPPTYPE_MESSAGE or field.label == FieldDescriptor.LABEL_REPEATED:
            raise RuleError("request_invalid", f"{name[:80]!r} leads through {part!r}, which holds no fields")
        target = getattr(target, field.name)
    field = _find_field(target, last, name)
    try:
        value = _read_value(field, text)
        if field.label == FieldDescriptor.LABEL_REPEATED:
            getattr(target, field.name).append(value)
        else:
            setattr(target, field.name, value)
    except (ValueError, TypeError, KeyError) as error:
        raise RuleError("request_invalid", f"{name[:80]} cannot be {text[:80]!r}") from error


def _find_field(message: Message, part: str, name: str) -> Any:
    fields = message.DESCRIPTOR
    field = fields.fields_by_name.get(part) or fields.fields_by_camelcase_name.get(part)
    if field is None:
        raise RuleError("request_invalid", f"{fields.full_name} has no field {name[:80]!r}")
    return field


def _read_value(field: Any, text: str) -> Any:
    """The value of a scalar field; ValueError, TypeError or KeyError."""
    if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        return _BOOLS[text]
    if field.cpp_type == FieldDescriptor.CPPTYPE_ENUM:
        return int(text) if text.lstrip("-").isdecimal() else field.enum_type.values_by_name[text].number
    if field.type == FieldDescriptor.TYPE_BYTES:
        return urlsafe_b64decode(text) if set(text) & {"-", "_"} else b64decode(text, validate=True)
    if field.type == FieldDescriptor.TYPE_STRING:
        return text
    if field.cpp_type == FieldDescriptor.CPPTYPE_MESSAGE:
        raise ValueError("a message is given by its fields")
    return int(text[:20])

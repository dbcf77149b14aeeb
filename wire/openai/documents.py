"""A request's body: bounded bytes, to a JSON object, to a model of requests.py; in time linear in the bytes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails, from_json

from wire.openai.errors import ApiError
from wire.openai.limits import BODY_BYTES, JSON_CONTAINERS, JSON_DEPTH

Request = TypeVar("Request", bound=BaseModel)

_MARKS: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[\]{}]', re.DOTALL)
"""A string, skipped whole (to the end of the body where it has none), or one bracket."""
_CODES: Final = {
    "missing": "missing_required_parameter",
    "extra_forbidden": "unknown_parameter",
    "string_too_long": "string_above_max_length",
    "too_long": "array_above_max_length",
    "unsupported": "unsupported_value",
    "schema": "schema_invalid",
}
"""The last two are types of errors that messages.py raises."""


def parse_request(body: bytes, model: type[Request]) -> Request:
    """A request of the given kind.

    Raises ApiError: body_too_large, json_invalid, json_too_deep, or what is wrong with the first wrong field.
    """
    document = parse_object(body)
    try:
        return model.model_validate(document)
    except ValidationError as error:
        raise _translate(error.errors(include_url=False, include_context=False), document) from error


def parse_object(body: bytes) -> dict[str, Any]:
    """A JSON object within the limits.  Raises ApiError: body_too_large, json_invalid, json_too_deep."""
    if len(body) > BODY_BYTES:
        raise ApiError("body_too_large", f"more than {BODY_BYTES} bytes")
    check_shape(body)
    try:
        document = from_json(body, allow_inf_nan=False, cache_strings="none")
    except ValueError as error:
        raise ApiError("json_invalid", f"the body is no JSON: {error}") from error
    if not isinstance(document, dict):
        raise ApiError("json_invalid", "the body must be one JSON object")
    return document


def check_shape(body: bytes) -> None:
    """Refuse brackets that lie too deep or are too many, before anything is built.  Raises json_too_deep."""
    depth = containers = 0
    for mark in _MARKS.finditer(body):
        byte = mark[0][0]
        if byte in b"[{":
            depth, containers = depth + 1, containers + 1
            if depth > JSON_DEPTH or containers > JSON_CONTAINERS:
                raise ApiError("json_too_deep", f"at most {JSON_DEPTH} levels and {JSON_CONTAINERS} lists and objects")
        elif byte in b"]}":
            depth -= 1


def _translate(errors: list[ErrorDetails], document: dict[str, Any]) -> ApiError:
    """The error that tells most: of the branches of a union the one whose type was right, or that got furthest."""
    located = [(_locate(error, document), error) for error in errors]
    path, found = max(located, key=lambda pair: (not _is_type(pair[1]), len(pair[0])))
    code = _CODES.get(found["type"]) or ("invalid_type" if _is_type(found) else "invalid_value")
    param = _join(path)
    return ApiError(code, f"{param}: {found['msg']}" if param else found["msg"], param=param or None)


def _is_type(error: ErrorDetails) -> bool:
    return error["type"].endswith("_type")


def _locate(error: ErrorDetails, document: dict[str, Any]) -> list[str | int]:
    """The error's place without the names of union branches, which pydantic mixes in."""
    node: Any = document
    path: list[str | int] = []
    last = len(error["loc"]) - 1
    for index, step in enumerate(error["loc"]):
        known, child = _enter(node, step)
        if known:
            node = child
            path.append(step)
        elif index == last and error["type"] == "missing":
            path.append(step)
    return path


def _enter(node: Any, step: str | int) -> tuple[bool, Any]:
    if isinstance(node, dict) and step in node:
        return True, node[step]
    if isinstance(node, list) and isinstance(step, int) and step < len(node):
        return True, node[step]
    return False, None


def _join(path: Sequence[str | int]) -> str:
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.removeprefix(".")[:200]

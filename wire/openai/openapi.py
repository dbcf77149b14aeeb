"""The OpenAPI 3.1 description of the API, made from the models that read and write it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from wire.openai import requests, responses
from wire.openai.errors import API_FAULTS
from wire.openai.sse import CONTENT_TYPE

PATH: Final = "/openapi.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One path and method; `stream` is the model of an event, where the request may ask for a stream."""

    path: str
    method: str
    summary: str
    answer: type[BaseModel]
    request: type[BaseModel] | None = None
    stream: type[BaseModel] | None = None


OPERATIONS: Final = (
    Operation(path="/v1/models", method="get", summary="The models served", answer=responses.Models),
    Operation(
        path="/v1/chat/completions",
        method="post",
        summary="Answer a conversation",
        request=requests.ChatRequest,
        answer=responses.ChatCompletion,
        stream=responses.ChatChunk,
    ),
    Operation(
        path="/v1/completions",
        method="post",
        summary="Go on with a text",
        request=requests.CompletionRequest,
        answer=responses.Completion,
        stream=responses.Completion,
    ),
    Operation(
        path="/v1/embeddings",
        method="post",
        summary="Turn texts into vectors",
        request=requests.EmbeddingRequest,
        answer=responses.Embeddings,
    ),
)


def build_openapi(title: str, version: str) -> dict[str, Any]:
    """The description as a JSON object."""
    read = [(o.request, "validation") for o in OPERATIONS if o.request]
    written = [(kind, "serialization") for o in OPERATIONS for kind in (o.answer, o.stream) if kind]
    models: list[Any] = list(dict.fromkeys([*read, *written, (responses.ErrorAnswer, "serialization")]))
    refs, definitions = models_json_schema(models, ref_template="#/components/schemas/{model}")
    schemas = {(kind, mode): refs[kind, mode] for kind, mode in models}
    paths: dict[str, Any] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method] = _describe(operation, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version, "description": "OpenAI's API, served by hosts of the network."},
        "paths": paths,
        "components": {"schemas": definitions["$defs"]},
    }


def _describe(operation: Operation, schemas: dict[Any, Any]) -> dict[str, Any]:
    content = {"application/json": {"schema": schemas[operation.answer, "serialization"]}}
    if operation.stream:
        content[CONTENT_TYPE] = {"x-event": schemas[operation.stream, "serialization"]}
    described: dict[str, Any] = {
        "operationId": operation.path.removeprefix("/v1/").replace("/", "_"),
        "summary": operation.summary,
        "responses": {"200": {"description": "The answer", "content": content}} | _describe_errors(schemas),
    }
    if operation.request:
        schema = schemas[operation.request, "validation"]
        described["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    return described


def _describe_errors(schemas: dict[Any, Any]) -> dict[str, Any]:
    """One entry for each status, with its codes."""
    codes: dict[int, list[str]] = {}
    for code, fault in API_FAULTS.items():
        codes.setdefault(fault.status, []).append(code)
    content = {"application/json": {"schema": schemas[responses.ErrorAnswer, "serialization"]}}
    return {
        str(status): {"description": f"code: {', '.join(codes[status])}", "content": content}
        for status in sorted(codes)
    }

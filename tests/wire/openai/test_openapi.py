"""The description: whole, and true to the models."""

import json
from typing import Any

import jsonschema_rs
import pytest

from wire.openai.errors import API_FAULTS
from wire.openai.openapi import OPERATIONS, build_openapi

DOCUMENT = build_openapi("test", "1")
CHAT: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "Hello"}]}


def schema_of(name: str) -> Any:
    return jsonschema_rs.validator_for(
        {"$ref": f"#/components/schemas/{name}", "components": DOCUMENT["components"]},
        pattern_options=jsonschema_rs.RegexOptions(),
    )


def test_build_openapi__each_operation__has_its_path_request_and_every_status() -> None:
    for operation in OPERATIONS:
        described = DOCUMENT["paths"][operation.path][operation.method]
        assert set(described["responses"]) == {"200"} | {str(fault.status) for fault in API_FAULTS.values()}
        assert ("requestBody" in described) == (operation.request is not None)


def test_build_openapi__each_reference__leads_to_a_schema() -> None:
    names = {ref.split('"')[0] for ref in json.dumps(DOCUMENT).split("#/components/schemas/")[1:]}
    assert names == set(DOCUMENT["components"]["schemas"])


@pytest.mark.parametrize(
    ("more", "fits"),
    [({}, True), ({"n": 8}, True), ({"n": 9}, False), ({"stop": ["a"] * 5}, False), ({"unknown": 1}, False)],
)
def test_build_openapi__a_request__fits_where_the_model_takes_it(more: dict[str, Any], *, fits: bool) -> None:
    assert schema_of("ChatRequest").is_valid(CHAT | more) is fits

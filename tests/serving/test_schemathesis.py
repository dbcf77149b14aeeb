"""Requests made from our OpenAPI description, right ones and wrong ones: never a 5xx, always an answer as described."""

from __future__ import annotations

import os
from collections import Counter

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import response_schema_conformance, status_code_conformance

CHECKS = [not_a_server_error, response_schema_conformance, status_code_conformance]
FEW = 40
"""Cases of each operation and kind in a usual run."""
LONGEST = 4
"""Tokens of an answer."""


def serve_model(case: schemathesis.Case) -> None:
    """Half of the cases are for the model that is there, and short: the rest would not get further than its name."""
    body = case.body
    if not isinstance(body, dict) or not isinstance(body.get("model"), str) or len(body["model"]) % 2 == 0:
        return
    body["model"] = "tiny"
    for name in ("max_tokens", "max_completion_tokens"):
        if isinstance(body.get(name), int):
            body[name] = min(body[name], LONGEST)
    if "messages" in body and not body.get("max_completion_tokens") and body.get("max_tokens") is None:
        body["max_tokens"] = LONGEST


def run_cases(url: str, cases: int) -> Counter[int]:
    """So many cases of each operation and kind; counts statuses."""
    statuses: Counter[int] = Counter()
    schema = schemathesis.openapi.from_url(f"{url}/openapi.json")
    with requests.Session() as session:
        for found in schema.get_all_operations():
            operation = found.ok()
            for mode in GenerationMode:
                if operation.method == "get" and mode is GenerationMode.NEGATIVE:
                    continue

                @settings(
                    max_examples=cases if operation.method == "post" else 1,
                    deadline=None,
                    database=None,
                    derandomize=True,
                    phases=[Phase.generate],
                    suppress_health_check=list(HealthCheck),
                )
                @given(case=operation.as_strategy(generation_mode=mode))
                def run(case: schemathesis.Case) -> None:
                    serve_model(case)
                    response = case.call(session=session, timeout=120)
                    statuses[response.status_code] += 1
                    case.validate_response(response, checks=CHECKS)

                run()
    return statuses


def test_a_few_hundred_cases__no_server_error(url: str) -> None:
    statuses = run_cases(url, FEW)
    assert statuses[200] > 0
    assert sum(statuses.values()) >= 6 * FEW
    assert max(statuses) < 500


@pytest.mark.slow
def test_thousands_of_cases__no_server_error(url: str) -> None:
    wanted = int(os.environ.get("GNK_SCHEMATHESIS_CASES", "5000"))
    statuses = run_cases(url, -(-wanted // 6))
    print(f"{sum(statuses.values())} cases, by status: {dict(sorted(statuses.items()))}")
    assert sum(statuses.values()) >= wanted
    assert max(statuses) < 500

"""Errors in OpenAI's form."""

import json

from wire.openai.errors import API_FAULTS, ApiError


def test_encode__an_error__is_openais_object() -> None:
    body = json.loads(ApiError("invalid_value", "n: too large", param="n").encode())
    assert body == {
        "error": {"message": "n: too large", "type": "invalid_request_error", "param": "n", "code": "invalid_value"}
    }


def test_headers__with_and_without_a_wait__tell_when_to_try_again() -> None:
    assert ApiError("internal", retry_after_s=3).headers() == {"Retry-After": "3"}
    assert ApiError("internal").headers() == {}


def test_every_code_is_an_error_of_http() -> None:
    assert all(400 <= fault.status < 600 for fault in API_FAULTS.values())

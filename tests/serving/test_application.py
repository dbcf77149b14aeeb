"""Clients that are slow, leave, or send what is no request; queues that are full."""

from __future__ import annotations

import asyncio
import io
import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import aiohttp
import pytest

from serving import stream
from tests.serving.market import connect, poll
from tests.serving.stack import run_open
from wire.openai import limits, web

JSON = {"Content-Type": "application/json"}
ENDLESS = {
    "model": "tiny",
    "messages": [{"role": "user", "content": "Hi"}],
    "logit_bias": {"258": -100},
    "stream": True,
}


def fetch(url: str, path: str, data: bytes | None = None, headers: dict[str, str] | None = None) -> tuple[int, Any]:
    async def run() -> tuple[int, Any]:
        method = "GET" if data is None else "POST"
        body = None if data is None else io.BytesIO(data)
        async with connect() as session, session.request(method, url + path, data=body, headers=headers) as answer:
            return answer.status, json.loads(await answer.text())

    return asyncio.run(run())


@contextmanager
def dial(url: str) -> Iterator[socket.socket]:
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        yield connection


def write_request(body: bytes, path: str = "/v1/chat/completions", length: int | None = None) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body) if length is None else length}\r\n\r\n".encode() + body


def count_running(url: str) -> int:
    return int(fetch(url, "/gonka/v1/status")[1]["running"])


def test_health_status_and_description_are_told(url: str) -> None:
    assert fetch(url, "/health") == (200, {"status": "ok"})
    status, told = fetch(url, "/gonka/v1/status")
    assert (status, told["models"][0]["name"]) == (200, "tiny")
    assert told["capacity"] > 0
    assert fetch(url, "/openapi.json")[1]["openapi"] == "3.1.0"


@pytest.mark.parametrize(
    ("path", "data", "headers", "status", "code"),
    [
        ("/", None, {}, 404, "unknown_url"),
        ("/v1/chat/completions", None, {}, 405, "method_not_allowed"),
        ("/v1/models", b"{}", JSON, 405, "method_not_allowed"),
        ("/v1/chat/completions", b"{}", {"Content-Type": "text/plain"}, 415, "content_type_invalid"),
        ("/v1/chat/completions", b"", JSON, 400, "json_invalid"),
        ("/v1/chat/completions", b"{", JSON, 400, "json_invalid"),
        ("/v1/chat/completions", b"\xff", JSON, 400, "json_invalid"),
        ("/v1/chat/completions", b'{"a":' * 500, JSON, 400, "json_too_deep"),
        ("/v1/completions", b"[" * 100_000, JSON, 400, "json_too_deep"),
        ("/v1/embeddings", b" " * (limits.BODY_BYTES + 1), JSON, 413, "body_too_large"),
        ("/v1/chat/completions", b"{}", JSON | {"Content-Encoding": "gzip"}, 415, "content_type_invalid"),
        ("/v1/chat/completions", b"{}", JSON | {"Host": "evil.example"}, 403, "host_foreign"),
        ("/v1/chat/completions", b"{}", JSON | {"Host": "localhost.evil.example:80"}, 403, "host_foreign"),
        ("/v1/chat/completions", b"{}", JSON | {"Host": "LOCALHOST:8080"}, 400, "missing_required_parameter"),
    ],
)
def test_what_is_no_request_is_refused_in_openais_form(
    url: str, path: str, data: bytes | None, headers: dict[str, str], status: int, code: str
) -> None:
    got, told = fetch(url, path, data, headers)
    assert (got, told["error"]["code"]) == (status, code)
    assert set(told["error"]) == {"message", "type", "param", "code"}


def test_a_body_without_a_length_is_cut_off_at_the_limit(url: str) -> None:
    with dial(url) as connection:
        head = "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        connection.sendall(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode())
        piece = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
        try:
            for _ in range(limits.BODY_BYTES // 0x10000 + 2):
                connection.sendall(piece)
        except ConnectionError:
            return  # the server did not wait for the rest
        assert connection.recv(100).startswith(b"HTTP/1.1 413")


def test_a_body_that_never_ends_is_given_up(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "BODY_TIMEOUT_S", 0.5)
    with dial(url) as connection:
        connection.sendall(write_request(b'{"model"', length=1_000))
        assert connection.recv(100).startswith(b"HTTP/1.1 408")


def test_a_client_that_leaves_in_the_middle_ends_the_work(url: str) -> None:
    with dial(url) as connection:
        connection.sendall(write_request(json.dumps(ENDLESS).encode()))
        assert connection.recv(1_000).startswith(b"HTTP/1.1 200")
        assert count_running(url) == 1
    poll(lambda: count_running(url) == 0)


def test_a_client_that_closes_its_half_ends_the_work(url: str) -> None:
    with dial(url) as connection:
        connection.sendall(write_request(json.dumps(ENDLESS).encode()))
        assert connection.recv(1_000).startswith(b"HTTP/1.1 200")
        connection.shutdown(socket.SHUT_WR)
        poll(lambda: count_running(url) == 0)


def test_a_client_that_leaves_before_an_answer_in_one_piece_ends_the_work(url: str) -> None:
    with dial(url) as connection:
        connection.sendall(write_request(json.dumps(ENDLESS | {"stream": False}).encode()))
        poll(lambda: count_running(url) == 1)
    poll(lambda: count_running(url) == 0)


def test_a_client_that_does_not_read_is_cut_off(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "WRITE_S", 0.5)
    host, port = url.removeprefix("http://").split(":")
    big = ENDLESS | {"logprobs": True, "top_logprobs": 20, "n": 8}
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        connection.connect((host, int(port)))
        connection.sendall(write_request(json.dumps(big).encode()))
        poll(lambda: count_running(url) > 0)
        poll(lambda: count_running(url) == 0)


def test_more_than_may_wait_are_sent_away_with_a_time(sidecar: str) -> None:
    async def ask(session: aiohttp.ClientSession, url: str) -> tuple[int, str | None]:
        data = json.dumps(ENDLESS | {"stream": False, "max_tokens": 150, "n": 8}).encode()
        async with session.post(f"{url}/v1/chat/completions", data=data, headers=JSON) as answer:
            await answer.read()
            return answer.status, answer.headers.get("Retry-After")

    async def ask_many(url: str) -> list[tuple[int, str | None]]:
        async with connect() as session:
            return [*await asyncio.gather(*(ask(session, url) for _ in range(16)))]

    with run_open(sidecar, queue=0) as url:
        told = asyncio.run(ask_many(url))
        assert {status for status, _ in told} == {200, 429}
        assert all(wait is not None and int(wait) > 0 for status, wait in told if status == 429)
        assert asyncio.run(ask_many(url))[0][0] in {200, 429}
        poll(lambda: count_running(url) == 0)


def test_a_prompt_bomb_is_refused_at_once(url: str) -> None:
    began_s = time.monotonic()
    bomb = ENDLESS | {"messages": [{"role": "user", "content": "x" * 2_000_000}]}
    status, told = fetch(url, "/v1/chat/completions", json.dumps(bomb).encode(), JSON)
    assert (status, told["error"]["code"]) == (400, "context_length_exceeded")
    assert time.monotonic() - began_s < 5

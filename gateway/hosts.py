"""A gateway's calls to one host's serving process over HTTP.  Whatever comes back is bounded in bytes and in time."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any, Final

import aiohttp
from google.protobuf.message import DecodeError

from gateway.guard import ForbiddenAddress
from wire.gonka.inference.v1.receipt_pb2 import Placing
from wire.openai.errors import API_FAULTS, ApiError
from wire.openai.notes import PROTOBUF, RECEIPT_PATH, STATUS_PATH, VOUCHERS_PATH
from wire.openai.sse import CONTENT_TYPE, Comment, Data, SseDecoder

CONNECT_TIMEOUT_S: Final = 5.0
CALL_TIMEOUT_S: Final = 10.0
ERROR_BYTES: Final = 16 << 10
PLACING_BYTES: Final = 8 << 10
"""Of a proof in the largest tree: 64 siblings and splits."""
EMBEDDING_BYTES: Final = 256 << 10
"""Of one embedding, in text."""
MESSAGE_CHARS: Final = 500
UNPAID: Final = "voucher_missing"
UNKNOWN: Final = (404, "receipt_unknown")
CALLERS_FAULT: Final = frozenset({400, 413, 422})
"""Statuses that any host would give to the same request."""
HEADERS: Final = {"Accept-Encoding": "identity", "User-Agent": "gonka-gateway"}


@dataclass(frozen=True, slots=True, kw_only=True)
class HostStatus:
    """How busy a host says it is: requests that it works on or keeps waiting, and how many it takes."""

    load: int
    capacity: int


class HostFailed(Exception):  # noqa: N818  # what happened, in the past
    """The host did not do what it should; another may.  `error` is what an application is told in the end.

    `is_unpaid` says that the host waits for a voucher that the gateway has no cause to sign, `blames_caller` that the
    host calls the request itself wrong.
    """

    def __init__(self, error: ApiError, *, is_unpaid: bool = False, blames_caller: bool = False) -> None:
        self.error = error
        self.is_unpaid = is_unpaid
        self.blames_caller = blames_caller
        super().__init__(str(error))


class HostClient:
    """Calls over a session that gateway.guard opened; `silence_s` is how long a host may say nothing."""

    def __init__(self, session: aiohttp.ClientSession, *, silence_s: float) -> None:
        self._session = session
        self._silence_s = silence_s

    @contextlib.asynccontextmanager
    async def ask(self, url: str, body: bytes, headers: dict[str, str]) -> AsyncIterator[aiohttp.ClientResponse]:
        """The response to a POST, once its status says 200.

        Raises HostFailed, also from within the block for a connection that breaks.
        """
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT_S, sock_read=self._silence_s)
        sent = HEADERS | {"Content-Type": "application/json"} | headers
        with _told_as_failures():
            async with self._session.post(
                url, data=io.BytesIO(body), headers=sent, timeout=timeout, allow_redirects=False
            ) as response:
                if response.status != 200:
                    raise await _read_refusal(response)
                yield response

    async def send_voucher(self, endpoint: str, voucher: bytes) -> None:
        """Hand a voucher over; one that the host has a newer one of is taken too.  Raises ApiError."""
        timeout = aiohttp.ClientTimeout(total=CALL_TIMEOUT_S, sock_connect=CONNECT_TIMEOUT_S)
        sent = HEADERS | {"Content-Type": PROTOBUF}
        try:
            with _told_as_failures():
                async with self._session.post(
                    endpoint + VOUCHERS_PATH, data=voucher, headers=sent, timeout=timeout, allow_redirects=False
                ) as response:
                    if response.status in {200, 204}:
                        return
                    code, message = _read_error(await _read_bounded(response, ERROR_BYTES))
        except HostFailed as error:
            raise error.error from error
        if code != "voucher_stale":
            raise ApiError("host_refused", f"{response.status} {code}: {message}")

    async def read_placing(self, endpoint: str, escrow_id: int, request: int) -> Placing:
        """Where the host says that a receipt hangs.

        Raises ApiError: `host_receipt_missing` where it knows no such receipt, `host_answer_invalid` for what is no
        placing; any other where it cannot say now.
        """
        url = endpoint + RECEIPT_PATH.format(escrow_id=escrow_id, request=request)
        timeout = aiohttp.ClientTimeout(total=CALL_TIMEOUT_S, sock_connect=CONNECT_TIMEOUT_S)
        try:
            with _told_as_failures():
                async with self._session.get(url, headers=HEADERS, timeout=timeout, allow_redirects=False) as response:
                    body = await _read_bounded(response, PLACING_BYTES)
                    if response.status != 200:
                        code, message = _read_error(body)
                        known = "host_receipt_missing" if (response.status, code) == UNKNOWN else "host_refused"
                        raise ApiError(known, f"status {response.status} {code}: {message}")
        except HostFailed as error:
            raise error.error from error
        try:
            return Placing.FromString(body)
        except DecodeError as error:
            raise ApiError("host_answer_invalid", "its placing cannot be read") from error

    async def read_status(self, endpoint: str) -> HostStatus:
        """How busy the host is.  Raises ApiError."""
        timeout = aiohttp.ClientTimeout(total=CALL_TIMEOUT_S, sock_connect=CONNECT_TIMEOUT_S)
        try:
            with _told_as_failures():
                async with self._session.get(
                    endpoint + STATUS_PATH, headers=HEADERS, timeout=timeout, allow_redirects=False
                ) as response:
                    body = await _read_bounded(response, ERROR_BYTES)
                    if response.status != 200:
                        raise ApiError("host_refused", f"status {response.status}")
        except HostFailed as error:
            raise error.error from error
        try:
            told = json.loads(body)
            return HostStatus(load=_count(told["queue"]) + _count(told["running"]), capacity=_count(told["capacity"]))
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise ApiError("host_answer_invalid", "its status cannot be read") from error


async def read_events(response: aiohttp.ClientResponse) -> AsyncGenerator[tuple[list[Data | Comment], int], None]:
    """Events and comments as they come, with the bytes that they came in.

    Raises HostFailed for what is no stream of events.
    """
    if response.content_type != CONTENT_TYPE:
        raise HostFailed(ApiError("host_answer_invalid", "it is no stream of events"))
    decoder = SseDecoder()
    async for received in response.content.iter_any():
        try:
            items = decoder.feed(received)
        except ApiError as error:
            raise HostFailed(ApiError("host_answer_invalid", error.message)) from error
        yield items, len(received)


async def read_answer(response: aiohttp.ClientResponse, embeddings: int) -> bytes:
    """An answer in one piece, of so many embeddings.  Raises HostFailed for one that is longer than they can be."""
    return await _read_bounded(response, embeddings * EMBEDDING_BYTES)


@contextlib.contextmanager
def _told_as_failures() -> Iterator[None]:
    try:
        yield
    except (TimeoutError, aiohttp.ServerTimeoutError) as error:
        raise HostFailed(ApiError("host_silent")) from error
    except aiohttp.ClientConnectorError as error:
        if isinstance(error.os_error, ForbiddenAddress) or "not in an allowed network" in str(error.os_error):
            raise HostFailed(ApiError("address_forbidden")) from error
        raise HostFailed(ApiError("host_unreachable")) from error
    except (aiohttp.ClientError, ConnectionError, ValueError) as error:
        raise HostFailed(ApiError("host_unreachable", type(error).__name__)) from error


async def _read_refusal(response: aiohttp.ClientResponse) -> HostFailed:
    code, message = _read_error(await _read_bounded(response, ERROR_BYTES))
    if response.status in CALLERS_FAULT:
        fault = API_FAULTS.get(code)
        known = code if fault is not None and fault.status == response.status else "invalid_value"
        return HostFailed(ApiError(known, message), blames_caller=True)
    error = ApiError("host_refused", f"status {response.status} {code}".strip())
    return HostFailed(error, is_unpaid=code == UNPAID)


async def _read_bounded(response: aiohttp.ClientResponse, limit: int) -> bytes:
    received = bytearray()
    async for piece in response.content.iter_any():
        received += piece
        if len(received) > limit:
            raise HostFailed(ApiError("host_answer_invalid", f"an answer of more than {limit} bytes"))
    return bytes(received)


def _read_error(body: bytes) -> tuple[str, str]:
    """Code and message of an error in OpenAI's form, as far as they can be read."""
    try:
        error: Any = json.loads(body)["error"]
        return str(error["code"])[:64], str(error["message"])[:MESSAGE_CHARS]
    except (ValueError, TypeError, KeyError, RecursionError):
        return "", ""


def _count(value: object) -> int:
    if type(value) is not int or not 0 <= value < 1 << 31:
        raise ValueError(f"{value!r} is no count")
    return value

"""How every gRPC call is answered here.

Requests arrive as bytes and are parsed by us, so that garbage is refused with a code like everything else.  An error
travels as a gRPC status whose details are `code: detail`, with `error-code` and `next-step` as trailing metadata.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc
from google.protobuf.message import DecodeError

from sidecar.errors import SidecarError


def serve_unary(request_type: type[Any], call: Callable[[Any], Awaitable[Any]]) -> Any:
    """The handler of a call that answers once."""

    async def answer(data: bytes, context: Any) -> Any:
        try:
            return await call(_parse(request_type, data))
        except SidecarError as error:
            await _abort(context, error)

    return grpc.unary_unary_rpc_method_handler(answer, response_serializer=_serialize)


def serve_stream(request_type: type[Any], call: Callable[[Any], AsyncIterator[Any]]) -> Any:
    """The handler of a call that answers with a stream."""

    async def answer(data: bytes, context: Any) -> AsyncIterator[Any]:
        try:
            async for message in call(_parse(request_type, data)):
                yield message
        except SidecarError as error:
            await _abort(context, error)

    return grpc.unary_stream_rpc_method_handler(answer, response_serializer=_serialize)


def _serialize(message: Any) -> bytes:
    data: bytes = message.SerializeToString()
    return data


def _parse(request_type: type[Any], data: bytes) -> Any:
    try:
        return request_type.FromString(data)
    except DecodeError as error:
        raise SidecarError("job_request_unreadable", f"{len(data)} bytes are no {request_type.__name__}") from error


async def _abort(context: Any, error: SidecarError) -> None:
    metadata = (("error-code", error.code), ("next-step", error.fault.next_step))
    await context.abort(grpc.StatusCode[error.fault.status], str(error), metadata)

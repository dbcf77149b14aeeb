"""The sidecar's inference over a real socket, served here by a few lines that can misbehave."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import grpc.aio
import pytest

from chain_client import inference_stub
from chain_client.errors import ClientError, PermanentError, TransientError
from chain_client.inference_stub import SERVICE, InferenceStub
from wire.gonka.sidecar.v1 import inference_pb2 as pb

ENDED = pb.GenerateChunk(text="b", finish_reason="stop")


class Server:
    """Generates what it is given, then does what its `then` says; remembers whether it was cancelled."""

    def __init__(self, chunks: list[pb.GenerateChunk], then: str) -> None:
        self.chunks = chunks
        self.then = then
        self.cancelled = asyncio.Event()

    async def generate(self, request: Any, context: Any) -> AsyncIterator[Any]:
        try:
            for chunk in self.chunks:
                yield chunk
            if self.then == "wait":
                await asyncio.Event().wait()
            if self.then == "refuse":
                context.set_trailing_metadata([("error-code", "engine_busy")])
                await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "engine_busy: full")
        except asyncio.CancelledError:
            self.cancelled.set()
            raise

    async def allow(self, request: Any, context: Any) -> Any:
        context.set_trailing_metadata([("error-code", "request_unknown")])
        await context.abort(grpc.StatusCode.NOT_FOUND, "request_unknown: x")

    async def models(self, request: Any, context: Any) -> Any:
        return pb.ModelsResponse(models=[pb.LoadedModel(name="m")])


def with_server(folder: Path, served: Server, work: Callable[[InferenceStub], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        server = grpc.aio.server()
        handlers = {
            "Generate": grpc.unary_stream_rpc_method_handler(
                served.generate, pb.GenerateRequest.FromString, pb.GenerateChunk.SerializeToString
            ),
            "Allow": grpc.unary_unary_rpc_method_handler(
                served.allow, pb.AllowRequest.FromString, pb.AllowResponse.SerializeToString
            ),
            "Models": grpc.unary_unary_rpc_method_handler(
                served.models, pb.ModelsRequest.FromString, pb.ModelsResponse.SerializeToString
            ),
        }
        server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(SERVICE.removeprefix("/"), handlers)])
        target = f"unix:{folder / 's.sock'}"
        server.add_insecure_port(target)
        await server.start()
        try:
            async with InferenceStub.open(target) as stub:
                return await work(stub)
        finally:
            await server.stop(0)

    return asyncio.run(run())


async def read(stub: InferenceStub) -> str:
    return "".join([chunk.text async for chunk in stub.generate(pb.GenerateRequest(request_id="r"))])


def test_generate__an_answer__comes_to_its_end(tmp_path: Path) -> None:
    assert with_server(tmp_path, Server([pb.GenerateChunk(text="a"), ENDED], ""), read) == "ab"


@pytest.mark.parametrize(
    ("chunks", "then", "code", "told"),
    [
        ([pb.GenerateChunk(text="a")], "", "sidecar_unreachable", ""),
        ([], "", "sidecar_unreachable", ""),
        ([pb.GenerateChunk(text="a")], "refuse", "sidecar_refused", "engine_busy"),
        ([pb.GenerateChunk(text="a")], "wait", "sidecar_timed_out", ""),
    ],
)
def test_generate__an_answer_without_an_end__is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunks: list[pb.GenerateChunk], then: str, code: str, told: str
) -> None:
    monkeypatch.setattr(inference_stub, "SILENCE_S", 0.5)
    with pytest.raises(ClientError) as caught:
        with_server(tmp_path, Server(chunks, then), read)
    assert isinstance(caught.value, TransientError)
    assert (caught.value.code, caught.value.fields.get("sidecar_code", "")) == (code, told)


def test_generate__who_reads_no_further__ends_the_work(tmp_path: Path) -> None:
    served = Server([pb.GenerateChunk(text="a")], "wait")

    async def leave(stub: InferenceStub) -> None:
        answer = stub.generate(pb.GenerateRequest(request_id="r"))
        assert (await anext(answer)).text == "a"
        await answer.aclose()
        async with asyncio.timeout(30):
            await served.cancelled.wait()

    with_server(tmp_path, served, leave)


def test_allow__a_request_that_is_not_known__says_so(tmp_path: Path) -> None:
    with pytest.raises(PermanentError) as caught:
        with_server(tmp_path, Server([], ""), lambda stub: stub.allow("r", 1))
    assert caught.value.fields["sidecar_code"] == "request_unknown"


def test_models__nobody_there__can_be_tried_again(tmp_path: Path) -> None:
    async def run() -> None:
        async with InferenceStub.open(f"unix:{tmp_path / 'nobody.sock'}") as stub:
            await stub.models()

    with pytest.raises(TransientError, match="sidecar_unreachable"):
        asyncio.run(run())
    assert with_server(tmp_path, Server([], ""), lambda stub: stub.models())[0].name == "m"

"""The sidecar's inference over gRPC, a unix socket as a rule.  Every call has a deadline; Generate has one for each
token."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from types import TracebackType
from typing import Final, TypeVar

import grpc.aio
from google.protobuf.message import Message

from chain_client.errors import TransientError
from chain_client.sidecar_stub import read_within, translate_error
from wire.gonka.sidecar.v1 import inference_pb2 as pb

SERVICE: Final = "/gonka.sidecar.v1.Inference"
CALL_S: Final = 10.0
RENDER_S: Final = 30.0
WORK_S: Final = 120.0
"""For Score and Embed, which wait for their turn on the device."""
SILENCE_S: Final = 120.0
"""After so long without a token, though it may work, a sidecar is taken for dead."""
LARGEST_MESSAGE: Final = 64 << 20
Answer = TypeVar("Answer", bound=Message)


class InferenceStub:
    """A sidecar at a gRPC target such as unix:/run/gonka/sidecar.sock.

    Every method raises ClientError only; the field `sidecar_code` is the sidecar's own code.
    """

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._channel = channel

    @classmethod
    def open(cls, target: str) -> InferenceStub:
        """A stub that connects when it is first used, and again whenever the connection is lost."""
        options = [
            ("grpc.max_reconnect_backoff_ms", 1_000),
            ("grpc.initial_reconnect_backoff_ms", 100),
            ("grpc.max_receive_message_length", LARGEST_MESSAGE),
        ]
        return cls(grpc.aio.insecure_channel(target, options=options))

    async def __aenter__(self) -> InferenceStub:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._channel.close()

    async def models(self) -> tuple[pb.LoadedModel, ...]:
        """The models it serves."""
        return tuple((await self._call("Models", pb.ModelsRequest(), pb.ModelsResponse, CALL_S)).models)

    async def render(self, request: pb.RenderRequest) -> tuple[int, ...]:
        """A conversation or a text as tokens."""
        return tuple((await self._call("Render", request, pb.RenderResponse, RENDER_S)).tokens)

    async def read_vocabulary(self, content_hash: bytes, first: int) -> pb.VocabularyResponse:
        """What tokens add to an answer's text, as many as come in one message."""
        request = pb.VocabularyRequest(content_hash=content_hash, first=first)
        return await self._call("Vocabulary", request, pb.VocabularyResponse, RENDER_S)

    async def generate(self, request: pb.GenerateRequest) -> AsyncGenerator[pb.GenerateChunk, None]:
        """An answer as it comes; the last chunk has a finish_reason.  Closing the iterator ends the work.

        A sidecar may be silent for SILENCE_S; a caller whose request waits for its allowance ends it sooner.
        """
        stream = self._channel.unary_stream(
            f"{SERVICE}/Generate",
            request_serializer=pb.GenerateRequest.SerializeToString,
            response_deserializer=pb.GenerateChunk.FromString,
        )(request)
        finished = False
        try:
            while (chunk := await read_within(stream, SILENCE_S)) is not grpc.aio.EOF:
                finished = bool(chunk.finish_reason)
                yield chunk
        except TimeoutError as error:
            raise TransientError("sidecar_timed_out", f"no token for {SILENCE_S:.0f} s") from error
        except grpc.aio.AioRpcError as error:
            raise translate_error(error) from error
        finally:
            stream.cancel()
        if not finished:
            raise TransientError("sidecar_unreachable", "the answer ended in the middle")

    async def allow(self, request_id: str, allowance_tokens: int) -> None:
        """Let a running request go on to so many tokens of work in all."""
        request = pb.AllowRequest(request_id=request_id, allowance_tokens=allowance_tokens)
        await self._call("Allow", request, pb.AllowResponse, CALL_S)

    async def score(self, request: pb.ScoreRequest) -> tuple[pb.TokenScore, ...]:
        """How far each token of an answer lies from what the model would have drawn."""
        return tuple((await self._call("Score", request, pb.ScoreResponse, WORK_S)).scores)

    async def embed(self, request: pb.EmbedRequest) -> tuple[float, ...]:
        """The vector of a text's tokens."""
        return tuple((await self._call("Embed", request, pb.EmbedResponse, WORK_S)).values)

    async def _call(self, name: str, request: Message, answer: type[Answer], timeout_s: float) -> Answer:
        call = self._channel.unary_unary(
            f"{SERVICE}/{name}",
            request_serializer=type(request).SerializeToString,
            response_deserializer=answer.FromString,
        )
        try:
            reply: Answer = await call(request, timeout=timeout_s)
        except grpc.aio.AioRpcError as error:
            raise translate_error(error) from error
        return reply

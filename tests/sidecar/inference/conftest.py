"""A sidecar with two tiny models, shared, and what its clients ask."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest

from tests.sidecar.conftest import SidecarProcess
from tests.sidecar.inference.tiny import END, make_tiny_model
from wire.gonka.sidecar.v1 import inference_pb2 as pb
from wire.gonka.sidecar.v1.inference_pb2_grpc import InferenceStub

SEED = b"s" * 32
PLENTY = 1 << 40
ENDLESS = pb.TokenBias(token=END, bias_milli=-100_000)
"""Keeps an answer from ending by itself."""
GREEDY = pb.Sampling(bias=[ENDLESS])
DRAWN = pb.Sampling(temperature_milli=1000, seed=SEED, bias=[ENDLESS])


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the models tiny and other."""
    folder = tmp_path_factory.mktemp("models")
    make_tiny_model(folder, "tiny")
    make_tiny_model(folder, "other", seed=1)
    return folder


@dataclass(frozen=True, kw_only=True)
class Client:
    """Asks one sidecar for one model."""

    sidecar: SidecarProcess
    stub: InferenceStub
    model: pb.LoadedModel

    def build(self, request_id: str, prompt: list[int] | None = None, **changes: Any) -> pb.GenerateRequest:
        """A greedy request for 20 tokens."""
        fields: dict[str, Any] = {
            "request_id": request_id,
            "content_hash": self.model.content_hash,
            "prompt": prompt if prompt is not None else [72, 101, 108, 108, 111],
            "sampling": GREEDY,
            "max_tokens": 20,
            "allowance_tokens": PLENTY,
        }
        return pb.GenerateRequest(**fields | changes)

    def generate(self, request_id: str, prompt: list[int] | None = None, **changes: Any) -> list[pb.GenerateChunk]:
        """All chunks of an answer."""
        return list(self.stub.Generate(self.build(request_id, prompt, **changes), timeout=60))

    def refuse(self, call: Callable[[], Any]) -> str:
        """The code that a call is refused with."""
        with pytest.raises(grpc.RpcError) as refused:
            call()
        return str(dict(refused.value.trailing_metadata())["error-code"])


def list_tokens(chunks: list[pb.GenerateChunk]) -> list[int]:
    """The tokens of an answer."""
    return [token.token for chunk in chunks for token in chunk.tokens]


@pytest.fixture(scope="session")
def client(models: Path, new_sidecar: Callable[..., SidecarProcess]) -> Iterator[Client]:
    """Of a sidecar that all tests of this session share."""
    sidecar = new_sidecar("--models", str(models)).start()
    with connect(sidecar) as found:
        yield found


class connect:  # noqa: N801 - used as a function
    """The client of a running sidecar for its model tiny."""

    def __init__(self, sidecar: SidecarProcess) -> None:
        self._sidecar = sidecar
        self._channel = grpc.insecure_channel(f"unix:{sidecar.socket}")

    def __enter__(self) -> Client:
        stub = InferenceStub(self._channel)
        models = {model.name: model for model in stub.Models(pb.ModelsRequest(), timeout=30).models}
        return Client(sidecar=self._sidecar, stub=stub, model=models["tiny"])

    def __exit__(self, *_: object) -> None:
        self._channel.close()

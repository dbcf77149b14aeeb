"""The models that are served: asked for seldom, gates that stay."""

from __future__ import annotations

import asyncio

import pytest

from chain_client.errors import TransientError
from serving.catalogue import FRESH_S, Catalogue
from wire.gonka.sidecar.v1 import inference_pb2 as pb
from wire.openai.errors import ApiError


class FakeSidecar:
    """Tells of models, or is gone."""

    def __init__(self) -> None:
        self.told: list[pb.LoadedModel] = [pb.LoadedModel(name="m", max_requests=4)]
        self.asked = 0
        self.is_gone = False

    async def models(self) -> tuple[pb.LoadedModel, ...]:
        self.asked += 1
        if self.is_gone:
            raise TransientError("sidecar_unreachable", "gone")
        return tuple(self.told)


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def test_find__again_and_again__asks_when_it_is_no_longer_fresh() -> None:
    sidecar, clock = FakeSidecar(), Clock()
    catalogue = Catalogue(sidecar, queue=1, now_s=clock)

    async def run() -> None:
        gate = (await catalogue.find("m")).gate
        assert (await catalogue.find("m")).gate is gate
        assert sidecar.asked == 1
        clock.now_s += FRESH_S
        assert (await catalogue.find("m")).gate is gate, "those who wait there must not be forgotten"
        assert sidecar.asked == 2
        sidecar.told = [pb.LoadedModel(name="m", max_requests=9)]
        clock.now_s += FRESH_S
        assert (await catalogue.find("m")).gate.capacity == 9

    asyncio.run(run())


def test_all__a_model_on_two_devices__is_one_with_room_for_both() -> None:
    sidecar = FakeSidecar()
    sidecar.told *= 2
    (model,) = asyncio.run(Catalogue(sidecar, queue=1, now_s=Clock()).all())
    assert model.gate.capacity == 8


def test_find__a_model_that_is_not_served__is_not_found() -> None:
    with pytest.raises(ApiError, match="model_not_found") as caught:
        asyncio.run(Catalogue(FakeSidecar(), queue=1, now_s=Clock()).find("x"))
    assert caught.value.param == "model"


def test_find__a_sidecar_that_is_gone__is_asked_again_next_time() -> None:
    sidecar = FakeSidecar()
    sidecar.is_gone = True
    catalogue = Catalogue(sidecar, queue=1, now_s=Clock())

    async def run() -> None:
        with pytest.raises(ApiError, match="sidecar_unavailable") as caught:
            await catalogue.find("m")
        assert caught.value.retry_after_s
        sidecar.is_gone = False
        assert (await catalogue.find("m")).loaded.name == "m"

    asyncio.run(run())

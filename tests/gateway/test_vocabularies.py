"""Vocabularies read from a sidecar, once, while requests wait no longer than they must."""

from __future__ import annotations

import asyncio
import time

import pytest
from structlog.testing import capture_logs

from chain_client.errors import ClientError, PermanentError, TransientError
from gateway.vocabularies import AGAIN_S, Vocabularies, read_vocabulary
from wire.gonka.sidecar.v1 import inference_pb2 as pb

TEXTS = [b"a", b"", b"bc", b"d", b""]
MODEL = pb.LoadedModel(name="m", content_hash=b"c" * 32, vocabulary=len(TEXTS))


class Teller:
    """Tells two tokens at a time, unless it is told to fail or to hang; counts how often it was asked."""

    def __init__(self, texts: list[bytes] = TEXTS) -> None:
        self.texts = texts
        self.asked = 0
        self.fault: ClientError | None = None
        self.hangs = False

    async def read_vocabulary(self, content_hash: bytes, first: int) -> pb.VocabularyResponse:
        assert content_hash == MODEL.content_hash
        self.asked += 1
        if self.hangs:
            await asyncio.Event().wait()
        if self.fault is not None:
            raise self.fault
        return pb.VocabularyResponse(texts=self.texts[first : first + 2], ends=[4])


def test_read_vocabulary__in_pieces__is_put_together_in_order() -> None:
    found = asyncio.run(read_vocabulary(Teller(), MODEL))
    assert found.texts == tuple(TEXTS)
    assert found.ends == {4}


def test_read_vocabulary__fewer_tokens_than_the_model_has__is_no_vocabulary() -> None:
    with pytest.raises(PermanentError, match="4 tokens"):
        asyncio.run(read_vocabulary(Teller(TEXTS[:4]), MODEL))


def test_find__many_at_once_and_again__reads_it_once() -> None:
    async def run() -> None:
        vocabularies = Vocabularies(sidecar, time.monotonic)
        found = await asyncio.gather(*(vocabularies.find(MODEL) for _ in range(20)))
        assert found == [await vocabularies.find(MODEL)] * 20
        assert found[0] is not None

    sidecar = Teller()
    asyncio.run(run())
    assert sidecar.asked == 3


def test_find__a_sidecar_that_cannot__is_asked_again_after_a_while() -> None:
    async def run() -> None:
        for now, asked in [(0.0, 1), (AGAIN_S - 1, 1), (AGAIN_S, 2)]:
            times.append(now)
            assert await vocabularies.find(MODEL) is None
            assert sidecar.asked == asked
        sidecar.fault = None
        times.append(3 * AGAIN_S)
        assert await vocabularies.find(MODEL) is not None

    sidecar, times = Teller(), [0.0]
    sidecar.fault = TransientError("sidecar_unreachable", "gone")
    vocabularies = Vocabularies(sidecar, lambda: times[-1])
    with capture_logs() as logs:
        asyncio.run(run())
    assert [(entry["event"], entry.get("code")) for entry in logs] == [
        ("answers_not_counted", "sidecar_unreachable"),
        ("answers_not_counted", "sidecar_unreachable"),
        ("answers_counted", None),
    ]


def test_find__a_sidecar_that_hangs__only_those_who_came_first_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        vocabularies = Vocabularies(sidecar, lambda: times[-1])
        assert await vocabularies.find(MODEL) is None
        times.append(0.05)
        async with asyncio.timeout(10):  # with the deadline anew for each, this would take longer
            assert [await vocabularies.find(MODEL) for _ in range(1_000)] == [None] * 1_000
        vocabularies.close()

    monkeypatch.setattr("gateway.vocabularies.DEADLINE_S", 0.05)
    sidecar, times = Teller(), [0.0]
    sidecar.hangs = True
    asyncio.run(run())
    assert sidecar.asked == 1

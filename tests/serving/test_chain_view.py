"""What is known of the chain: fresh enough, asked for seldom enough."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from chain_client.errors import PermanentError, TransientError
from serving.chain_view import LOOKUP_S, PAGE, STALE_S, ChainView
from wire.gonka.inference.v1 import inference_pb2 as pb
from wire.gonka.inference.v1 import query_pb2 as query
from wire.gonka.sprint.v1.query_pb2 import QueryEpochResponse
from wire.openai.errors import ApiError


class FakeChain:
    """Answers the four queries of a view; `escrows` by pages, and may be gone."""

    def __init__(self) -> None:
        self.escrows = [1]
        self.chain_id = "test-1"
        self.is_gone = False
        self.asked = 0

    async def query(self, method: str, request: Any, answer: type[Any], *, height: int = 0) -> Any:
        assert height == 0
        if self.is_gone:
            raise TransientError("chain_unreachable")
        if method.endswith("/Epoch"):
            self.asked += 1
            told = QueryEpochResponse(chain_id=self.chain_id)
            told.status.epoch = 7
            return told
        if method.endswith("/Params"):
            return query.QueryParamsResponse(params=pb.Params(credit_tokens=256, settles_per_epoch=8))
        if method.endswith("/Models"):
            return query.QueryModelsResponse(models=[pb.Model(model_id=b"m" * 32)])
        first = int(request.pagination.key or b"0")
        page = self.escrows[first : first + PAGE]
        told = query.QueryEscrowsResponse(escrows=[pb.Escrow(escrow_id=number) for number in page])
        if first + PAGE < len(self.escrows):
            told.pagination.next_key = b"%d" % (first + PAGE)
        return told


class Clock:
    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def make_view(chain: FakeChain) -> tuple[ChainView, Clock]:
    clock = Clock()
    return ChainView(chain, chain_id="test-1", host="gonka1host", now_s=clock), clock  # type: ignore[arg-type]


def test_refresh__many_escrows__are_read_page_by_page() -> None:
    chain = FakeChain()
    chain.escrows = [*range(1, 2 * PAGE + 5)]
    seen = asyncio.run(make_view(chain)[0].refresh())
    assert (len(seen.escrows), seen.epoch, seen.credit_tokens) == (2 * PAGE + 4, 7, 256)


def test_refresh__another_chain__is_refused() -> None:
    chain = FakeChain()
    chain.chain_id = "test-2"
    with pytest.raises(PermanentError, match="chain_id_mismatch"):
        asyncio.run(make_view(chain)[0].refresh())


def test_look_up__before_the_first_look__looks() -> None:
    view, _ = make_view(FakeChain())
    assert asyncio.run(view.look_up(1)).escrow_id == 1


def test_look_up__numbers_made_up__ask_the_chain_once_a_second() -> None:
    chain = FakeChain()
    view, clock = make_view(chain)

    async def run() -> None:
        await view.refresh()
        for number in range(50, 80):
            with pytest.raises(ApiError, match="escrow_unknown"):
                await view.look_up(number)
        assert chain.asked == 2
        chain.escrows.append(90)
        clock.now_s += LOOKUP_S
        assert (await view.look_up(90)).escrow_id == 90

    asyncio.run(run())


def test_seen__a_chain_that_is_gone__is_believed_for_a_while_only() -> None:
    chain = FakeChain()
    view, clock = make_view(chain)
    asyncio.run(view.refresh())
    chain.is_gone = True
    clock.now_s += STALE_S
    assert asyncio.run(view.look_up(1)).escrow_id == 1
    clock.now_s += 1
    with pytest.raises(ApiError, match="chain_unavailable"):
        asyncio.run(view.look_up(1))

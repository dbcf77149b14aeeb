"""Prompts counted by a sidecar of the gateway's operator: a process that only renders, and stub hosts."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from chain_client.errors import ClientError, PermanentError, TransientError
from gateway.market import OnChainModel
from gateway.prompts import BOUNDED, COUNTED, FRESH_S, PATIENCE, REST_S, PromptCounter, choose_renderer
from rules.vouchers import Price
from tests.gateway.conftest import Renderer
from tests.gateway.shop import HOSTS, MODEL, PRICE, Shop
from tests.gateway.stub_host import Habits
from tests.gateway.test_relay import play
from tests.sidecar.inference.tiny import MAX_CONTEXT
from wire.gonka.sidecar.v1 import inference_pb2 as pb
from wire.openai.errors import ApiError
from wire.openai.requests import ChatRequest, CompletionRequest, EmbeddingRequest

TEXT = "Hi"
EXACT = len(b"<user\nHi>\n<assistant\n")
"""The template of the tiny model around TEXT, a token for each special token and each byte."""


def play_counted(
    scene: Callable[[Shop], Awaitable[None]], home: Path, habits: Sequence[Habits], renderer: Renderer
) -> None:
    target, hashes = renderer
    play(scene, home, habits, renderer=target, hashes=hashes)


def tally(shop: Shop) -> dict[str, int]:
    assert shop.desk.counter is not None
    return dict(shop.desk.counter.tally)


def test_chat__an_honest_host__is_believed_and_the_exact_count_is_reserved(tmp_path: Path, renderer: Renderer) -> None:
    async def scene(shop: Shop) -> None:
        status, told, _ = await shop.chat(TEXT)
        assert (status, told["usage"]["prompt_tokens"]) == (200, EXACT)
        assert shop.query("SELECT reserved_pusd FROM requests") == [(EXACT * PRICE.in_musd + 100 * PRICE.out_musd,)]
        assert (await shop.settled())["sales"] == EXACT * PRICE.in_musd + 8 * PRICE.out_musd
        assert tally(shop) == {COUNTED: 1}

    play_counted(scene, tmp_path, [Habits(prompt_tokens=EXACT)], renderer)


def test_chat__a_host_that_claims_a_token_more__is_refused_and_rests_and_another_answers(
    tmp_path: Path, renderer: Renderer
) -> None:
    async def scene(shop: Shop) -> None:
        status, told, _ = await shop.chat(TEXT)
        assert (status, told["usage"]["prompt_tokens"]) == (200, EXACT)
        assert [len(host.tickets) for host in shop.hosts] == [1, 1]
        assert shop.desk.health[HOSTS[0]].failures == 1
        assert shop.desk.health[HOSTS[1]].failures == 0
        assert shop.hosts[0].signed.tokens_in <= EXACT

    play_counted(scene, tmp_path, [Habits(prompt_tokens=EXACT + 1), Habits(prompt_tokens=EXACT)], renderer)


@pytest.mark.parametrize("claimed", [4 * EXACT, EXACT + 1])
def test_chat__nobody_honest__the_error_names_the_count(tmp_path: Path, renderer: Renderer, claimed: int) -> None:
    async def scene(shop: Shop) -> None:
        status, told, _ = await shop.chat(TEXT)
        assert (status, told["error"]["code"]) == (502, "host_count_wrong")
        assert f"at most {EXACT}" in told["error"]["message"]
        assert (await shop.settled()).get("sales", 0) == 0

    play_counted(scene, tmp_path, [Habits(prompt_tokens=claimed)], renderer)


def test_chat__two_choices__the_prompt_counts_twice(tmp_path: Path, renderer: Renderer) -> None:
    async def scene(shop: Shop) -> None:
        await shop.chat(TEXT, n=2, stream=True)
        assert shop.query("SELECT reserved_pusd FROM requests") == [
            (2 * EXACT * PRICE.in_musd + 2 * 100 * PRICE.out_musd,)
        ]

    play_counted(scene, tmp_path, [Habits(prompt_tokens=2 * EXACT)], renderer)


def test_embeddings__one_token_more_than_the_inputs_have__is_refused(tmp_path: Path, renderer: Renderer) -> None:
    async def scene(shop: Shop) -> None:
        status, told, _ = await shop.post("/v1/embeddings", {"model": MODEL, "input": ["abcd", "\u00e9"]})
        assert (status, told["usage"]["prompt_tokens"]) == (200, 6)
        assert [len(host.tickets) for host in shop.hosts] == [1, 1]

    play_counted(scene, tmp_path, [Habits(prompt_tokens=7), Habits(prompt_tokens=6)], renderer)


def test_chat__too_long_for_the_context__is_refused_before_anything_is_reserved(
    tmp_path: Path, renderer: Renderer
) -> None:
    async def scene(shop: Shop) -> None:
        status, told, _ = await shop.chat("x" * MAX_CONTEXT)
        assert (status, told["error"]["code"]) == (400, "context_length_exceeded")
        assert shop.query("SELECT count(*) FROM requests") == [(0,)]
        assert not shop.hosts[0].tickets

    play_counted(scene, tmp_path, [Habits()], renderer)


def test_chat__what_no_template_takes__is_the_callers_fault(tmp_path: Path, renderer: Renderer) -> None:
    async def scene(shop: Shop) -> None:
        status, told, _ = await shop.post("/v1/completions", {"model": MODEL, "prompt": [100_000]})
        assert (status, told["error"]["code"], told["error"]["param"]) == (400, "invalid_value", "prompt")
        assert not shop.hosts[0].tickets

    play_counted(scene, tmp_path, [Habits()], renderer)


@pytest.mark.parametrize("is_there", [False, True], ids=["a sidecar that is gone", "a sidecar without the model"])
def test_chat__nobody_to_count__bytes_bound_the_host_as_ever(
    tmp_path: Path, renderer: Renderer, *, is_there: bool
) -> None:
    async def scene(shop: Shop) -> None:
        for _ in range(PATIENCE + 2):
            status, told, _ = await shop.chat(TEXT)
            assert (status, told["usage"]["prompt_tokens"]) == (200, EXACT + 1)
        assert tally(shop) == {BOUNDED: PATIENCE + 2}

    target, (content_hash, _) = renderer
    gone = (f"unix:{tmp_path / 'nobody.sock'}", renderer[1])
    play_counted(
        scene, tmp_path, [Habits(prompt_tokens=EXACT + 1)], (target, (content_hash, b"x" * 32)) if is_there else gone
    )


# ---- without a socket ------------------------------------------------------------------------------------------------

ON_CHAIN = OnChainModel(
    name="m",
    model_id=b"i" * 32,
    content_hash=b"c" * 32,
    tokenizer_hash=b"t" * 32,
    max_context=50,
    price=Price(in_ngonka=1, out_ngonka=1),
)


def load(content: bytes = b"c", tokenizer: bytes = b"t", max_context: int = 100) -> pb.LoadedModel:
    return pb.LoadedModel(
        content_hash=content * 32, tokenizer_hash=tokenizer * 32, max_context=max_context, vocabulary=9
    )


def test_choose_renderer__content_and_tokenizer_both__within_the_shorter_context() -> None:
    others = [load(b"x"), load(tokenizer=b"x")]
    assert choose_renderer(others, ON_CHAIN) is None
    assert choose_renderer([], ON_CHAIN) is None
    found = [choose_renderer([*others, load(max_context=most)], ON_CHAIN) for most in (100, 7)]
    assert [model.max_context for model in found if model] == [50, 7]


class Letters:
    """Renders a text letter by letter, unless it is told to fail; counts how often it was asked."""

    def __init__(self) -> None:
        self.fault: ClientError | None = None
        self.hangs = False
        self.looks = 0
        self.renders = 0

    async def models(self) -> tuple[pb.LoadedModel, ...]:
        self.looks += 1
        return (load(),)

    async def render(self, request: pb.RenderRequest) -> tuple[int, ...]:
        self.renders += 1
        if self.hangs:
            await asyncio.Event().wait()
        if self.fault is not None:
            raise self.fault
        return tuple(range(len(request.text or "chat")))

    async def read_vocabulary(self, content_hash: bytes, first: int) -> pb.VocabularyResponse:
        return pb.VocabularyResponse(texts=[bytes([token]) for token in range(first, 9)])


async def measure(counter: PromptCounter) -> int | None:
    counted = await counter.count(ASKED, ON_CHAIN)
    return counted.tokens if counted else None


@pytest.mark.parametrize(
    ("request_", "tokens"),
    [
        (ChatRequest.model_validate({"model": "m", "messages": [{"role": "user", "content": "x"}], "n": 3}), 12),
        (CompletionRequest.model_validate({"model": "m", "prompt": ["ab", "c"], "n": 2}), 6),
        (CompletionRequest.model_validate({"model": "m", "prompt": [[1, 2], [3]]}), 3),
        (EmbeddingRequest.model_validate({"model": "m", "input": ["ab", "c"]}), 3),
    ],
    ids=["chat", "texts", "tokens", "inputs"],
)
def test_count__each_kind__is_every_prompt_as_often_as_it_is_answered(request_: Any, tokens: int) -> None:
    counted = asyncio.run(PromptCounter(Letters(), lambda: 0.0).count(request_, ON_CHAIN))
    assert counted is not None
    assert counted.tokens == tokens


ASKED = CompletionRequest.model_validate({"model": "m", "prompt": "abc"})


def test_count__the_list_of_models__is_asked_for_again_when_it_is_old() -> None:
    async def run() -> None:
        for now in (0.0, 1.0, FRESH_S):
            times.append(now)
            assert await measure(counter) == 3

    sidecar, times = Letters(), [0.0]
    counter = PromptCounter(sidecar, lambda: times[-1])
    asyncio.run(run())
    assert (sidecar.looks, sidecar.renders) == (2, 3)


def test_count__failures_in_a_row__leave_the_sidecar_alone_for_a_while() -> None:
    async def run() -> None:
        sidecar.fault = TransientError("sidecar_unreachable", "gone")
        assert [await measure(counter) for _ in range(PATIENCE + 3)] == [None] * (PATIENCE + 3)
        assert sidecar.renders == PATIENCE
        times.append(REST_S)
        sidecar.fault = None
        assert await measure(counter) == 3
        assert counter.tally == {BOUNDED: PATIENCE + 3, COUNTED: 1}

    sidecar, times = Letters(), [0.0]
    counter = PromptCounter(sidecar, lambda: times[-1])
    asyncio.run(run())


def test_count__a_sidecar_that_hangs__no_request_waits_for_longer_than_the_deadline(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def run() -> None:
        sidecar.hangs = True
        asked = await asyncio.gather(*(counter.count(ASKED, ON_CHAIN) for _ in range(20)))
        assert asked == [None] * 20
        assert sidecar.renders == 20
        assert await counter.count(ASKED, ON_CHAIN) is None  # it rests
        assert sidecar.renders == 20

    monkeypatch.setattr("gateway.prompts.DEADLINE_S", 0.05)
    sidecar = Letters()
    counter = PromptCounter(sidecar, lambda: 0.0)
    asyncio.run(run())


def test_count__what_goes_wrong__is_said_once_until_it_is_mended() -> None:
    async def run() -> None:
        for fault in (gone, gone, busy, gone, None, None, gone):
            sidecar.fault = fault
            times.append(times[-1] + 2 * REST_S)
            await counter.count(ASKED, ON_CHAIN)

    gone = TransientError("sidecar_unreachable", "gone")
    busy = TransientError("sidecar_refused", "full", sidecar_code="engine_busy")
    sidecar, times = Letters(), [0.0]
    counter = PromptCounter(sidecar, lambda: times[-1])
    with capture_logs() as logs:
        asyncio.run(run())
    assert [(entry["event"], entry.get("code")) for entry in logs] == [
        ("prompts_not_counted", "sidecar_unreachable"),
        ("prompts_not_counted", "engine_busy"),
        ("prompts_counted", None),
        ("answers_counted", None),
        ("prompts_not_counted", "sidecar_unreachable"),
    ]


def test_count__what_the_sidecar_refuses_as_wrong__is_the_callers_error_and_nothing_else_is() -> None:
    async def run() -> None:
        sidecar.fault = PermanentError("sidecar_refused", "no role", sidecar_code="chat_invalid")
        with pytest.raises(ApiError) as caught:
            await counter.count(ASKED, ON_CHAIN)
        assert caught.value.code == "invalid_value"
        sidecar.fault = PermanentError("sidecar_refused", "gone", sidecar_code="model_not_served")
        assert await counter.count(ASKED, ON_CHAIN) is None

    sidecar = Letters()
    counter = PromptCounter(sidecar, lambda: 0.0)
    asyncio.run(run())

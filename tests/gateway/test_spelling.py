"""Whether tokens spell a text: by hand, and told by stub hosts through a whole gateway with a real renderer."""

from __future__ import annotations

import json
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.counting import HIDDEN_TOKENS
from gateway.prompts import BOUNDED, COUNTED, PromptCounter
from gateway.receipts import read_kept
from gateway.spelling import (
    LONGEST,
    SPARE_TOKENS,
    FewestTokens,
    Script,
    Spellings,
    Vocabulary,
    build_script,
)
from rules.answers import Answer
from tests.gateway.conftest import Renderer
from tests.gateway.shop import CONTENT_HASH, ESCROW_ID, HOSTS, PRICE, TOKENIZER_HASH, Shop
from tests.gateway.stub_host import Habits
from tests.gateway.test_relay import play, read_stream
from tests.sidecar.inference.tiny import END
from wire.gonka.sidecar.v1 import inference_pb2 as pb
from wire.openai.errors import ApiError
from wire.openai.notes import Progress
from wire.openai.requests import ChatRequest, CompletionRequest
from wire.openai.responses import ChatChunk

MOST = 5_000
WORDS = (b"the", b" quick", b" brown", b"\xf0\x9f\x8c", b"!x", b"x" * (LONGEST + 8))
THE, QUICK, BROWN, HALF, CUT, LONG = range(256, 256 + len(WORDS))
SPECIAL, STOP = 256 + len(WORDS), 257 + len(WORDS)
VOCABULARY = Vocabulary([*(bytes([byte]) for byte in range(256)), *WORDS, b"", b""], frozenset([STOP]))
TOOL = {"type": "function", "function": {"name": "look"}}
CALL = '<tool_call>{"name": "look", "arguments": {"at":  1}}</tool_call>'


def chat(**more: Any) -> ChatRequest:
    return ChatRequest.model_validate({"model": "m", "messages": [{"role": "user", "content": "x"}], **more})


def script(**more: Any) -> Script:
    return build_script(chat(**more), [(7, 8)], VOCABULARY)


def said(text: str = "", *, place: int = 0, finish: str | None = None, calls: Any = None) -> ChatChunk:
    delta = ({"content": text} if text else {}) | ({"tool_calls": calls} if calls else {})
    choice = {"index": place, "delta": delta, "finish_reason": finish}
    return ChatChunk.model_validate({"id": "c", "created": 1, "model": "m", "choices": [choice]})


def told(count: int, *tokens: int, place: int = 0) -> Progress:
    return Progress(tokens_in=2, tokens_out=count, signed=0, tokens=((place, tokens),) if tokens else ())


Item = ChatChunk | Progress


def run(items: Sequence[Item], **more: Any) -> Spellings:
    """An answer to its end.  Raises ApiError."""
    spellings = Spellings(script(**more), MOST)
    for item in items:
        spellings.take_chunk(item) if isinstance(item, ChatChunk) else spellings.take_progress(item)
    spellings.check_end()
    return spellings


def spell(text: str) -> list[int]:
    return list(text.encode())


CALLED = [{"index": 0, "id": "a", "function": {"name": "look", "arguments": '{"at": 1}'}}]
GOOD: list[tuple[list[Item], dict[str, Any], int, str]] = [
    ([said("the quick"), told(2, THE, QUICK), said(finish="stop"), told(3, STOP)], {}, 3, "words, and the end"),
    ([said("the", finish="length"), told(1, THE)], {}, 1, "an end by length"),
    ([told(1, HALF), said("\U0001f30d"), told(2, 0x8D)], {}, 2, "a letter in two tokens"),
    ([told(1, HALF), said("\ufffd", finish="length")], {}, 1, "half a letter at the end, told before"),
    ([said("a\ufffd", finish="stop"), told(3, 97, 0xFF, STOP)], {}, 3, "a byte that is no letter"),
    ([said("a"), told(2, SPECIAL, 97)], {}, 2, "a special token that no text shows"),
    ([said("the", finish="stop"), told(3, THE, 33, CUT)], {"stop": "!!"}, 3, "a stop string, cut within a token"),
    ([told(1, *b"!"), said("!a"), told(2, *b"a")], {"stop": ["!!"]}, 2, "what only began like a stop string"),
    ([told(1, *b"!"), said("!", finish="length")], {"stop": ["!!"]}, 1, "what was held back at the end"),
    (
        [told(20, *spell(CALL[:20])), said(calls=CALLED), said(finish="tool_calls"), told(65, *spell(CALL[20:]), STOP)],
        {"tools": [TOOL]},
        65,
        "a tool's call, in other words than the model's",
    ),
    ([said("hm "), said(calls=CALLED), told(67, *spell("hm " + CALL))], {"tools": [TOOL]}, 67, "text before a call"),
    (
        [said(CALL), told(64, *spell(CALL))],
        {"tools": [TOOL], "tool_choice": "none"},
        64,
        "a call where no tool is offered",
    ),
    ([said("{}"), told(2, *b"{}")], {"response_format": {"type": "json_object"}}, 2, "JSON"),
]


@pytest.mark.parametrize(("items", "more", "count", "what"), GOOD, ids=[what for *_, what in GOOD])
def test_spellings__what_an_honest_host_tells__is_counted(
    items: list[Item], more: dict[str, Any], count: int, what: str
) -> None:
    assert run(items, **more).count == count


BAD: list[tuple[list[Item], dict[str, Any], str]] = [
    ([said("the"), told(2, THE)], {}, "a greater count than tokens"),
    ([said("the"), told(1, THE), said(" quick"), told(2)], {}, "a count without tokens"),
    ([said("the"), told(1, QUICK)], {}, "other words"),
    ([said("the"), told(1, THE), told(2, QUICK)], {}, "tokens of which nothing was delivered"),
    ([told(1, THE), said("the")], {}, "text after its tokens"),
    ([said("thx"), told(1, THE)], {}, "a letter changed"),
    ([said("the"), told(1, THE), said(" quick")], {}, "text at the end without tokens"),
    ([said("a"), told(1, 97), said(finish="stop"), told(3, STOP, STOP)], {}, "two ends"),
    ([said("a", finish="stop"), told(3, STOP, *b"aa")], {}, "tokens after the end"),
    ([said("a", finish="stop"), told(1, 97), told(2, SPECIAL)], {}, "a hidden token after the last"),
    ([said("a", finish="stop"), told(4, *b"a!!a")], {"stop": "!!"}, "tokens after a stop string"),
    ([told(HIDDEN_TOKENS + 1, *[SPECIAL] * (HIDDEN_TOKENS + 1))], {}, "many tokens that no text shows"),
    ([told(1, len(VOCABULARY.texts))], {}, "a token that there is not"),
    ([said("a" * (MOST + 1)), told(MOST + 1, *[97] * (MOST + 1))], {}, "more tokens than were asked for"),
    ([told(1, 97, place=1)], {}, "a choice that there is not"),
    ([said("a", place=1)], {}, "text of a choice that there is not"),
    ([said(calls=CALLED), told(64, *spell(CALL.replace("1", "2")))], {"tools": [TOOL]}, "a call of something else"),
    ([said(CALL), told(64, *spell(CALL))], {"tools": [TOOL]}, "a call delivered as text"),
]


@pytest.mark.parametrize(("items", "more", "what"), BAD, ids=[what for *_, what in BAD])
def test_spellings__what_cannot_be__is_refused(items: list[Item], more: dict[str, Any], what: str) -> None:
    with pytest.raises(ApiError) as caught:
        run(items, **more)
    assert caught.value.code == "host_count_wrong"


def test_spellings__two_choices__each_by_itself_and_both_in_the_receipt() -> None:
    items = [said("the"), told(1, THE), said("a", place=1), told(2, 97, place=1), said(" quick"), told(3, QUICK)]
    found = run(items, n=2)
    assert found.count == 3
    assert found.answers == (Answer(prompt=(7, 8), tokens=(THE, QUICK)), Answer(prompt=(7, 8), tokens=(97,)))


def test_check_count__the_usage_at_the_end__is_of_the_tokens_told() -> None:
    spellings = run([said("the"), told(1, THE)])
    spellings.check_count(1)
    with pytest.raises(ApiError, match="host_count_wrong"):
        spellings.check_count(2)


def pad(times: int) -> list[Item]:
    """The same words letter by letter."""
    text = "the quick brown" * times
    return [said(text), told(len(text), *spell(text))]


def test_spellings__the_same_text_in_many_more_tokens__is_refused() -> None:
    run(pad(2))
    with pytest.raises(ApiError, match="host_count_wrong") as caught:
        run(pad(20))
    assert "that 5" in caught.value.message


@pytest.mark.parametrize(
    "more", [{"logit_bias": {"256": -100}}, {"frequency_penalty": 1.0}, {"presence_penalty": -0.5}], ids=str
)
def test_spellings__a_sampler_that_is_pushed__may_spell_as_it_likes(more: dict[str, Any]) -> None:
    assert run(pad(20), **more).count == 300


def test_build_script__a_prompt_in_tokens__leaves_the_spelling_free() -> None:
    for prompt, is_plain in [("ab", True), (["ab", "c"], True), ([1, 2], False)]:
        request = CompletionRequest.model_validate({"model": "m", "prompt": prompt, "n": 2})
        found = build_script(request, [(1,)] * len(request.prompts), VOCABULARY)
        assert (found.is_plain, len(found.prompts)) == (is_plain, 2 * len(request.prompts))


def test_fewest_tokens__in_pieces_of_any_size__the_same_count() -> None:
    text = b"the quick brown fox " * 40 + b"x" * 100 + b"the"
    counts = set()
    for size in (1, 3, 7, len(text)):
        fewest = FewestTokens(VOCABULARY)
        for place in range(0, len(text), size):
            fewest.add(text[place : place + size])
        assert len(fewest.rest) < LONGEST
        counts.add((fewest.count, fewest.rest))
    assert len(counts) == 1


def test_spellings__tokens_drawn_at_random__are_within_what_may_be() -> None:
    """The worst that a sampler can do to a text is far from the bound."""
    draw = random.Random(5)
    tokens = draw.choices([*range(97, 123), THE, QUICK, BROWN], k=2_000)
    text = b"".join(VOCABULARY.texts[token] for token in tokens).decode()
    assert run([said(text), told(len(tokens), *tokens)]).count == 2_000
    assert SPARE_TOKENS < 256, "the credit"


def test_surplus__tokens_beyond_an_eighth_more_than_the_fewest__hidden_ones_with_them() -> None:
    honest, tokens = [said("the quick" * 8), told(16, *[THE, QUICK] * 8)], [THE, QUICK] * 8
    assert run(honest).surplus == -2
    assert run([honest[0], told(18, *tokens, SPECIAL, SPECIAL)]).surplus == 0
    assert run([said("the"), told(3, *b"the")]).surplus == 2
    assert run([said("the"), told(3, *b"the")], presence_penalty=1).surplus == 0


# ---- through a gateway -----------------------------------------------------------------------------------------------

TEXT = "Hi"
PROMPT = (257, *b"user\nHi", 258, *b"\n", 257, *b"assistant\n")
"""What the tiny model's template makes of TEXT, a token for each byte."""
ANSWER = "".join(f"w{place} " for place in range(1, 9))
HONEST = Habits(tells=True, prompt=PROMPT, prompt_tokens=len(PROMPT))
COST = len(PROMPT) * PRICE.in_musd + len(ANSWER) * PRICE.out_musd


def play_told(
    scene: Callable[[Shop], Awaitable[None]], home: Path, habits: Sequence[Habits], renderer: Renderer, **more: Any
) -> None:
    target, hashes = renderer
    play(scene, home, [replace(habit) for habit in habits], renderer=target, hashes=hashes, **more)


@pytest.mark.parametrize("stream", [True, False])
def test_chat__an_honest_host__is_held_by_its_tokens_which_no_application_sees(
    tmp_path: Path, renderer: Renderer, *, stream: bool
) -> None:
    async def scene(shop: Shop) -> None:
        status, answer, _ = await shop.chat(TEXT, stream=stream)
        assert status == 200
        if stream:
            assert "gonka" not in answer
            events = read_stream(answer)
            assert events[-1] is None
            assert "".join(e["choices"][0]["delta"].get("content", "") for e in events[:-1]) == ANSWER
        else:
            assert answer["choices"][0]["message"]["content"] == ANSWER
            assert answer["usage"]["completion_tokens"] == len(ANSWER)
        assert (await shop.settled())["sales"] == COST
        assert shop.desk.attempts == {COUNTED: 1}
        assert shop.desk.health[HOSTS[0]].no_receipt == 0
        assert read_kept(shop.desk.store.connection, (ESCROW_ID, HOSTS[0]), 1)

    play_told(scene, tmp_path, [HONEST], renderer, requires_tokens=True)


LIARS = [
    (replace(HONEST, miscounts=1), "an inflated count"),
    (replace(HONEST, claims_factor=2), "an inflated count at the end"),
    (replace(HONEST, spells=lambda text: list(text.upper().encode())), "the tokens of another text"),
    (replace(HONEST, spells=lambda text: list(f"{text}!".encode())), "tokens of text that is kept back"),
    (replace(HONEST, tells_words=2, note_each=2), "tokens that are missing from the middle on"),
    (replace(HONEST, adds_tokens=(256,) * (HIDDEN_TOKENS + 1)), "many tokens that no text shows"),
    (replace(HONEST, adds_tokens=(END, END)), "two ends"),
    (replace(HONEST, adds_tokens=(10**6,)), "tokens that there are not"),
]


@pytest.mark.parametrize(("habits", "what"), LIARS, ids=[what for _, what in LIARS])
def test_collect__a_host_lies_about_its_tokens__another_answers_and_only_it_is_charged(
    tmp_path: Path, renderer: Renderer, habits: Habits, what: str
) -> None:
    async def scene(shop: Shop) -> None:
        status, answer, _ = await shop.chat(TEXT)
        assert (status, answer["usage"]["completion_tokens"]) == (200, len(ANSWER))
        assert [len(host.tickets) for host in shop.hosts] == [1, 1]
        assert [shop.desk.health[host].failures for host in HOSTS[:2]] == [1, 0]
        assert (await shop.settled())["sales"] == COST

    play_told(scene, tmp_path, [habits, HONEST], renderer)


@pytest.mark.parametrize(("habits", "what"), LIARS, ids=[what for _, what in LIARS])
def test_stream__a_host_lies_about_its_tokens__the_stream_says_so_and_no_lie_is_charged(
    tmp_path: Path, renderer: Renderer, habits: Habits, what: str
) -> None:
    async def scene(shop: Shop) -> None:
        _, answer, _ = await shop.chat(TEXT, stream=True)
        assert read_stream(answer)[-1]["error"]["code"] == "host_count_wrong"
        assert not shop.hosts[1].tickets
        assert (await shop.settled())["sales"] <= COST
        assert shop.query("SELECT outcome FROM requests") == [("host_count_wrong",)]

    play_told(scene, tmp_path, [habits, HONEST], renderer)


def test_stream__a_host_that_counts_four_for_one__is_signed_for_no_token_of_the_lie(
    tmp_path: Path, renderer: Renderer
) -> None:
    """By bytes, such a count was taken to its end."""

    async def scene(shop: Shop) -> None:
        await shop.chat(TEXT, stream=True, max_tokens=2000)
        (host,) = shop.hosts
        assert host.signed.tokens_out <= 300
        assert shop.query("SELECT tokens_out FROM attempts")[0][0] <= 100 * len("w100 ")

    habits = replace(HONEST, words=100, note_each=20, miscounts=256)
    play_told(scene, tmp_path, [habits], renderer)


def test_stream__letters_as_pieces_without_their_tokens__count_as_one(tmp_path: Path, renderer: Renderer) -> None:
    async def scene(shop: Shop) -> None:
        await shop.chat(TEXT, stream=True, max_tokens=2000)
        assert shop.query("SELECT tokens_out FROM attempts") == [(1,)]

    play_told(scene, tmp_path, [replace(HONEST, words=50, tells_words=0, note_each=1000)], renderer)


FALSE_RECEIPTS = [
    (replace(HONEST, signs_tokens=lambda tokens: tokens[:-1]), "over fewer tokens"),
    (replace(HONEST, signs_tokens=lambda tokens: [*b"another"]), "over other tokens"),
    (replace(HONEST, prompt=(1, 2)), "over another prompt"),
    (replace(HONEST, salts=False), "without its salt"),
]


@pytest.mark.parametrize(("habits", "what"), FALSE_RECEIPTS, ids=[what for _, what in FALSE_RECEIPTS])
def test_receipt__not_over_the_tokens_told__the_answer_is_whole_and_the_host_rests(
    tmp_path: Path, renderer: Renderer, habits: Habits, what: str
) -> None:
    async def scene(shop: Shop) -> None:
        status, answer, _ = await shop.chat(TEXT)
        assert (status, answer["choices"][0]["message"]["content"]) == (200, ANSWER)
        await shop.settled()
        assert not shop.query("SELECT 1 FROM receipts")
        assert shop.desk.health[HOSTS[0]].no_receipt == 1

    play_told(scene, tmp_path, [habits], renderer)


@pytest.mark.parametrize("requires", [False, True])
def test_chat__a_host_that_tells_no_tokens__is_held_by_bytes_or_not_believed(
    tmp_path: Path, renderer: Renderer, *, requires: bool
) -> None:
    async def scene(shop: Shop) -> None:
        status, _, _ = await shop.chat(TEXT)
        assert status == 200
        assert [len(host.tickets) for host in shop.hosts] == [1, 1 if requires else 0]
        assert shop.desk.attempts == ({COUNTED: 1} if requires else {BOUNDED: 1})

    older = Habits(prompt_tokens=len(PROMPT))
    play_told(scene, tmp_path, [older, HONEST], renderer, requires_tokens=requires)


def test_chat__nobody_tells_tokens_though_they_are_required__the_error_names_it(
    tmp_path: Path, renderer: Renderer
) -> None:
    async def scene(shop: Shop) -> None:
        status, answer, _ = await shop.chat(TEXT)
        assert (status, answer["error"]["code"]) == (502, "host_tokens_missing")
        assert (await shop.settled()).get("sales", 0) == 0

    play_told(scene, tmp_path, [Habits(prompt_tokens=len(PROMPT))], renderer, requires_tokens=True)


def test_chat__without_a_renderer__no_tokens_are_asked_for(tmp_path: Path) -> None:
    async def scene(shop: Shop) -> None:
        _, answer, _ = await shop.chat(TEXT)
        assert json.dumps(answer).count("w8 ")
        assert shop.desk.attempts == {BOUNDED: 1}

    play(scene, tmp_path, [replace(HONEST)], hashes=(CONTENT_HASH, TOKENIZER_HASH))


class Speller:
    """A sidecar of one model, with a token for each word that a stub host says, and one for each byte."""

    texts = (*(bytes([byte]) for byte in range(256)), *(f"w{place} ".encode() for place in range(1, 9)))

    async def models(self) -> tuple[pb.LoadedModel, ...]:
        return (
            pb.LoadedModel(
                content_hash=CONTENT_HASH,
                tokenizer_hash=TOKENIZER_HASH,
                max_context=1_000,
                vocabulary=len(self.texts),
            ),
        )

    async def render(self, request: pb.RenderRequest) -> tuple[int, ...]:
        return (1, 2, 3)

    async def read_vocabulary(self, content_hash: bytes, first: int) -> pb.VocabularyResponse:
        return pb.VocabularyResponse(texts=self.texts[first:])


def test_chat__a_host_that_spells_every_short_answer_in_letters__is_asked_no_more_once_the_credit_is_lost(
    tmp_path: Path,
) -> None:
    """Each answer by itself is within what may be."""

    async def scene(shop: Shop) -> None:
        shop.desk.counter = PromptCounter(Speller(), lambda: 0.0)
        padder, honest = shop.hosts
        while not honest.tickets:
            status, answer, _ = await shop.chat(TEXT)
            assert (status, answer["choices"][0]["message"]["content"]) == (200, ANSWER)
        surplus = len(ANSWER) - 8 - 1
        assert surplus * (len(padder.tickets) - 1) <= 256 < surplus * len(padder.tickets)
        assert shop.desk.describe_use().exhausted == {(ESCROW_ID, HOSTS[0])}
        assert shop.desk.health[HOSTS[0]].failures == 0

    words = Speller.texts.index
    padded = Habits(tells=True, prompt=(1, 2, 3), prompt_tokens=3)
    play(scene, tmp_path, [padded, replace(padded, spells=lambda word: [words(word.encode())])])

"""Requests through a whole gateway to stub hosts, over real sockets."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.money import PUSD
from gateway.receipts import read_kept
from gateway.store import Store
from rules.receipts import receipt_message
from rules.vouchers import Tokens
from tests.gateway.shop import ESCROW_ID, HOSTS, MODEL, PRICE, Shop, ask, open_shop, with_reserve
from tests.gateway.stub_host import Habits, serving_key
from wire.signing import verify_digest

LONGEST_S = 60


def play(
    scene: Callable[[Shop], Awaitable[None]], home: Path, habits: Sequence[Habits] = (Habits(),), **more: Any
) -> None:
    """Run a scene in a shop; its ledger's sums agree afterwards."""

    async def run() -> None:
        async with asyncio.timeout(LONGEST_S), open_shop(home, habits, **more) as shop:
            await scene(shop)
            await shop.settled()

    asyncio.run(run())


def read_stream(text: str) -> list[Any]:
    """The events of a stream, [DONE] as None."""
    events = [line.removeprefix("data: ") for line in text.split("\n\n") if line.startswith("data: ")]
    return [None if event == "[DONE]" else json.loads(event) for event in events]


def test_stream__a_good_host__relays_every_word_and_charges_to_the_last_pico_dollar(tmp_path: Path) -> None:
    async def scene(shop: Shop) -> None:
        status, text, headers = await shop.chat(stream=True)
        events = read_stream(text)
        assert (status, headers["Content-Type"]) == (200, "text/event-stream")
        assert events[-1] is None
        words = [e["choices"][0]["delta"].get("content", "") for e in events[:-1] if e["choices"]]
        assert "".join(words) == "".join(f"w{i} " for i in range(1, 9))
        assert not any(e.get("usage") for e in events[:-1])
        sums = await shop.settled()
        assert sums["sales"] == 10 * PRICE.in_musd + 8 * PRICE.out_musd
        assert sums["customer:acme"] == 10 * PUSD - sums["sales"]

    play(scene, tmp_path)


def test_stream__usage_asked_for__comes_once_at_the_end(tmp_path: Path) -> None:
    async def scene(shop: Shop) -> None:
        _, text, _ = await shop.chat(stream=True, stream_options={"include_usage": True})
        counted = [e for e in read_stream(text)[:-1] if e.get("usage")]
        assert [e["usage"]["completion_tokens"] for e in counted] == [8]

    play(scene, tmp_path)


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/completions"])
def test_collect__no_stream_wanted__one_whole_answer(tmp_path: Path, path: str) -> None:
    async def scene(shop: Shop) -> None:
        body: dict[str, Any] = {"model": MODEL, "max_tokens": 100}
        body |= {"prompt": "x"} if path == "/v1/completions" else {"messages": [{"role": "user", "content": "x"}]}
        status, told, _ = await shop.post(path, body)
        assert status == 200
        (choice,) = told["choices"]
        text = choice["text"] if path == "/v1/completions" else choice["message"]["content"]
        assert text == "".join(f"w{i} " for i in range(1, 9))
        assert choice["finish_reason"] == "stop"
        assert told["usage"] == {"prompt_tokens": 10, "completion_tokens": 8, "total_tokens": 18}

    play(scene, tmp_path)


def test_fetch__embeddings__are_charged_by_what_was_read(tmp_path: Path) -> None:
    async def scene(shop: Shop) -> None:
        status, told, _ = await shop.post("/v1/embeddings", {"model": MODEL, "input": ["a", "b"]})
        assert status == 200
        assert [item["embedding"] for item in told["data"]] == [[0.5], [0.5]]
        assert (await shop.settled())["sales"] == 10 * PRICE.in_musd

    play(scene, tmp_path)


def test_body__fields_about_people__do_not_reach_the_host(tmp_path: Path) -> None:
    async def scene(shop: Shop) -> None:
        await shop.chat(user="ann@example.org", metadata={"case": "17"}, temperature=0.5)
        (body,) = shop.hosts[0].bodies
        assert body["temperature"] == 0.5
        assert body["stream"] is True
        assert not {"user", "metadata"} & body.keys()

    play(scene, tmp_path)


def test_vouchers__a_long_answer__credit_is_never_exceeded_on_either_side(tmp_path: Path) -> None:
    async def scene(shop: Shop) -> None:
        status, told, _ = await shop.chat("x" * 3000, max_tokens=2000)
        assert (status, told["usage"]["completion_tokens"]) == (200, 1500)
        (host,) = shop.hosts
        assert host.most_unsigned <= 256
        assert host.most_ahead <= 256
        await until(lambda: host.done.beyond(host.signed) == 0)
        assert host.done == Tokens(tokens_in=700, tokens_out=1500)

    play(scene, tmp_path, [Habits(words=1500, prompt_tokens=700)])


def test_vouchers__many_streams_at_once__are_cumulative_and_nothing_is_signed_twice(tmp_path: Path) -> None:
    async def scene(shop: Shop) -> None:
        answers = await asyncio.gather(*(shop.chat(f"question {i}") for i in range(30)))
        assert {status for status, _, _ in answers} == {200}
        (host,) = shop.hosts
        assert sorted(host.tickets) == list(range(1, 31))
        assert host.done == Tokens(tokens_in=300, tokens_out=30 * 40)
        await until(lambda: host.done.beyond(host.signed) == 0)
        assert (await shop.settled())["sales"] == 30 * (10 * PRICE.in_musd + 40 * PRICE.out_musd)

    play(scene, tmp_path, [Habits(words=40, pause_s=0.001)])


def test_vouchers__the_host_takes_none_for_a_while__the_newest_arrives_in_the_end(tmp_path: Path) -> None:
    async def scene(shop: Shop) -> None:
        (host,) = shop.hosts
        assert (await shop.chat())[0] == 200
        assert host.newest is None
        host.habits.takes_vouchers = True
        await until(lambda: host.done.beyond(host.signed) == 0)

    play(scene, tmp_path, [Habits(takes_vouchers=False)])


def test_vouchers__after_a_restart__the_newest_is_sent_again_without_being_asked(tmp_path: Path) -> None:
    async def before(shop: Shop) -> None:
        assert (await shop.chat())[0] == 200

    async def after(shop: Shop) -> None:
        (host,) = shop.hosts
        await until(lambda: host.newest is not None)
        assert host.signed.tokens_out >= 8

    play(before, tmp_path, [Habits(takes_vouchers=False)])
    play(after, tmp_path)


STRANGER = (
    b'data: {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": '
    b'[{"index": 1, "delta": {"content": "a"}, "finish_reason": "stop"}]}\n\n'
)
FAILURES = [
    (Habits(status=500), "a server error"),
    (Habits(status=401), "a refusal of the ticket"),
    (Habits(status=302, location="http://169.254.169.254/latest"), "a redirect, which is not followed"),
    (Habits(garbage=b"data: {]\n\n"), "no JSON"),
    (Habits(garbage=b"\xff\xfe\n\n"), "no text"),
    (Habits(garbage=b"data: [DONE]\n\n"), "an end before the beginning"),
    (Habits(garbage=b'data: {"id": "x"}\n\n'), "no chunk"),
    (Habits(garbage=STRANGER), "an answer that nobody asked for"),
    (Habits(endless=True), "an endless line"),
    (Habits(breaks_after=0), "a connection that breaks"),
    (Habits(fails_after=0), "an error within the stream"),
    (Habits(prompt_tokens=5000), "more prompt than was sent"),
    (Habits(hangs=True), "silence"),
]


@pytest.mark.parametrize(("habits", "what"), FAILURES, ids=[what for _, what in FAILURES])
def test_stream__a_host_fails_before_the_first_word__another_answers_and_only_it_is_charged(
    tmp_path: Path, habits: Habits, what: str
) -> None:
    async def scene(shop: Shop) -> None:
        status, text, _ = await shop.chat(stream=True)
        events = read_stream(text)
        assert status == 200
        assert events[-1] is None
        assert [e["choices"][0]["delta"].get("role") for e in events[:-1]].count("assistant") == 1
        assert len(shop.hosts[1].tickets) == 1
        assert shop.desk.health[HOSTS[0]].failures == 1
        assert (await shop.settled())["sales"] == 10 * PRICE.in_musd + 8 * PRICE.out_musd

    play(scene, tmp_path, [habits, Habits()], silence_s=0.5)


@pytest.mark.parametrize(
    ("habits", "code"),
    [
        (Habits(words=50, breaks_after=20), "host_unreachable"),
        (Habits(words=50, fails_after=20), "host_ended_early"),
        (Habits(words=50, claims_factor=9), "host_count_wrong"),
        (Habits(words=20, last_words=(b"",)), "host_ended_early"),
    ],
)
def test_stream__a_host_fails_after_the_first_word__the_stream_says_so_and_what_came_is_charged(
    tmp_path: Path, habits: Habits, code: str
) -> None:
    async def scene(shop: Shop) -> None:
        status, text, _ = await shop.chat(stream=True)
        events = read_stream(text)
        assert status == 200
        assert events[-1]["error"]["code"] == code
        delivered = sum(bool(e["choices"][0]["delta"].get("content")) for e in events[:-1] if e.get("choices"))
        assert not shop.hosts[1].tickets
        sums = await shop.settled()
        assert sums["sales"] == 10 * PRICE.in_musd + delivered * PRICE.out_musd
        assert shop.query("SELECT outcome FROM requests") == [(code,)]

    play(scene, tmp_path, [habits, Habits()])


@pytest.mark.parametrize(
    "habits",
    [
        Habits(words=50, breaks_after=20),
        Habits(words=50, fails_after=20),
        Habits(words=50, claims_factor=9),
        Habits(words=20, last_words=(b"",)),
    ],
)
def test_collect__a_host_fails_in_the_middle__another_answers_and_only_it_is_charged(
    tmp_path: Path, habits: Habits
) -> None:
    """Nothing has reached an application that waits for the whole: it pays for the answer that it gets."""

    async def scene(shop: Shop) -> None:
        status, text, _ = await shop.chat()
        assert status == 200
        assert text["usage"]["completion_tokens"] == 8
        assert (await shop.settled())["sales"] == 10 * PRICE.in_musd + 8 * PRICE.out_musd

    play(scene, tmp_path, [habits, Habits()])


def test_collect__a_host_sends_more_than_is_kept_for_anybody__another_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.errands.HELD_BYTES", 20_000)

    async def scene(shop: Shop) -> None:
        status, _, _ = await shop.chat()
        assert status == 200
        assert shop.desk.health[HOSTS[0]].failures == 1
        assert (await shop.settled())["sales"] == 10 * PRICE.in_musd + 8 * PRICE.out_musd
        assert read_stream((await shop.chat(stream=True))[1])[-1] is None

    play(scene, tmp_path, [Habits(words=100, writes=lambda place: "w" * 500 + f"{place} "), Habits()])


TORN = (
    b'data: {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [{"index": 0, '
    b'"delta": {"content": "a", "tool_calls": [{"index": 0, "function": {"name": "no name!", "arguments": ""}}]}, '
    b'"finish_reason": "tool_calls"}], "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}}\n\n'
    b"data: [DONE]\n\n"
)


def test_collect__an_answer_that_cannot_be_put_together__another_host_answers_and_only_it_is_charged(
    tmp_path: Path,
) -> None:
    async def scene(shop: Shop) -> None:
        status, _, _ = await shop.chat()
        assert status == 200
        assert shop.desk.health[HOSTS[0]].failures == 1
        assert (await shop.settled())["sales"] == 10 * PRICE.in_musd + 8 * PRICE.out_musd

    play(scene, tmp_path, [Habits(garbage=TORN), Habits()])


def test_collect__every_host_fails_in_the_middle__an_error_that_costs_nothing(tmp_path: Path) -> None:
    async def scene(shop: Shop) -> None:
        status, text, _ = await shop.chat()
        assert (status, text["error"]["code"]) == (502, "host_ended_early")
        assert (await shop.settled()).get("sales", 0) == 0

    play(scene, tmp_path, [Habits(words=50, fails_after=20)])


def test_stream__a_host_slips_in_an_error_and_line_breaks__neither_reaches_the_application(tmp_path: Path) -> None:
    """To an `openai` client, either would break an answer that is charged."""
    choices = '[{"index": 0, "delta": {"content": "w1"}}]'
    event = '{"id": "c",\r"created": 1, "model": "m", "error": {"message": "no"}, "choices":\ndata: ' + choices + "}"
    garbage = b"data: " + event.encode() + b"\n\n"

    async def scene(shop: Shop) -> None:
        _, text, _ = await shop.chat(stream=True)
        first, *_ = read_stream(text)
        assert first["choices"][0]["delta"] == {"content": "w1"}
        assert "error" not in first
        assert "\r" not in text

    play(scene, tmp_path, [Habits(garbage=garbage)])


def test_stream__a_host_whose_count_cannot_be__is_signed_for_no_more_than_was_delivered(tmp_path: Path) -> None:
    async def scene(shop: Shop) -> None:
        await shop.chat(stream=True)
        (host,) = shop.hosts
        assert host.signed.tokens_out <= 16 + 256

    play(scene, tmp_path, [Habits(words=50, claims_factor=9)])


def refusal(code: str) -> str:
    return json.dumps({"error": {"message": "too long", "type": "x", "param": None, "code": code}})


@pytest.mark.parametrize("code", ["context_length_exceeded", "never_heard_of"])
def test_stream__two_hosts_call_the_request_wrong__their_word_is_passed_on_and_nobody_else_is_asked(
    tmp_path: Path, code: str
) -> None:
    async def scene(shop: Shop) -> None:
        status, told, _ = await shop.chat()
        assert (status, told["error"]["message"]) == (400, "too long")
        assert [len(host.tickets) for host in shop.hosts] == [1, 1, 0]
        assert not shop.desk.health
        assert (await shop.settled()).get("sales", 0) == 0

    wrong = Habits(status=400, refusal=refusal(code))
    play(scene, tmp_path, [wrong, wrong, Habits()])


def test_stream__a_host_calls_a_good_request_wrong__another_answers_and_the_first_rests(tmp_path: Path) -> None:
    async def scene(shop: Shop) -> None:
        assert (await shop.chat())[0] == 200
        assert (await shop.chat())[0] == 200
        assert [len(host.tickets) for host in shop.hosts] == [1, 2]

    play(scene, tmp_path, [Habits(status=422, refusal=refusal("answer_malformed")), Habits()])


def test_stream__the_only_host_calls_the_request_wrong__its_word_is_passed_on(tmp_path: Path) -> None:
    async def scene(shop: Shop) -> None:
        assert (await shop.chat())[0] == 400

    play(scene, tmp_path, [Habits(status=400, refusal=refusal("context_length_exceeded"))])


def test_stream__nobody_answers__502_and_nothing_is_charged(tmp_path: Path) -> None:
    async def scene(shop: Shop) -> None:
        status, told, _ = await shop.chat()
        assert (status, told["error"]["code"]) == (502, "host_refused")
        assert (await shop.settled()).get("sales", 0) == 0
        assert shop.query("SELECT reserved_pusd FROM customers") == [(0,)]

    play(scene, tmp_path, [Habits(status=500), Habits(status=503)])


@pytest.mark.parametrize("at", [0, 20])
def test_stream__a_host_that_waits_for_work_that_never_arrived_to_be_paid__is_asked_no_more_under_this_escrow(
    tmp_path: Path, at: int
) -> None:
    async def scene(shop: Shop) -> None:
        await shop.chat(stream=True)
        assert shop.desk.describe_use().exhausted == {(ESCROW_ID, HOSTS[0])}
        shop.desk.health.clear()
        assert (await shop.chat())[0] == 200
        assert len(shop.hosts[0].tickets) == 1

    play(scene, tmp_path, [Habits(words=50, fails_after=at, failure="voucher_missing"), Habits()])


def test_stream__work_was_lost_on_its_way__is_signed_for_as_far_as_the_credit_goes(tmp_path: Path) -> None:
    async def scene(shop: Shop) -> None:
        (host,) = shop.hosts
        host.done = Tokens(tokens_out=300)
        status, told, _ = await shop.chat(max_tokens=600)
        assert (status, told["usage"]["completion_tokens"]) == (200, 100)
        assert host.signed.tokens_out > 100

    play(scene, tmp_path, [Habits(words=100)])


def test_stream__the_application_goes_away__the_host_is_told_and_what_was_delivered_is_charged(tmp_path: Path) -> None:
    async def scene(shop: Shop) -> None:
        headers = {"Authorization": f"Bearer {shop.key}"}
        response = await shop.session.post(
            f"{shop.url}/v1/chat/completions", json=ask(stream=True, max_tokens=4000), headers=headers
        )
        await response.content.readline()
        response.close()
        await until(lambda: bool(shop.query("SELECT 1 FROM requests WHERE ended_ms IS NOT NULL")))
        sums = await shop.settled()
        assert shop.query("SELECT outcome FROM requests") == [("caller_gone",)]
        assert 0 < sums["sales"] < 10 * PRICE.in_musd + 3000 * PRICE.out_musd

    play(scene, tmp_path, [Habits(words=4000, pause_s=0.005)])


async def hang_up(shop: Shop, *, after_s: float, **more: Any) -> None:
    """Ask, and leave."""
    with suppress(TimeoutError):
        async with asyncio.timeout(after_s):
            await shop.chat(**more)
    await until(lambda: bool(shop.query("SELECT 1 FROM requests WHERE ended_ms IS NOT NULL")))
    assert shop.query("SELECT outcome FROM requests") == [("caller_gone",)]


def test_collect__the_application_goes_away__it_pays_for_the_work_until_then(tmp_path: Path) -> None:
    async def scene(shop: Shop) -> None:
        await hang_up(shop, after_s=0.5, max_tokens=4000)
        assert (await shop.settled())["sales"] > 10 * PRICE.in_musd

    play(scene, tmp_path, [Habits(words=4000, pause_s=0.005)])


def test_collect__the_gateway_goes_down__the_application_pays_for_nothing(tmp_path: Path) -> None:
    async def scene(shop: Shop) -> None:
        shop.relay.close()
        await hang_up(shop, after_s=0.5, max_tokens=4000)
        assert (await shop.settled()).get("sales", 0) == 0

    play(scene, tmp_path, [Habits(words=4000, pause_s=0.005)])


def test_collect__the_application_goes_away_after_a_host_failed__that_host_costs_it_nothing(tmp_path: Path) -> None:
    async def scene(shop: Shop) -> None:
        await hang_up(shop, after_s=0.5)
        assert (await shop.settled()).get("sales", 0) == 0

    play(scene, tmp_path, [Habits(words=50, fails_after=20), Habits(hangs=True)])


def test_open__the_application_goes_away_while_the_disk_writes__nothing_stays_reserved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = Store.write

    async def scene(shop: Shop) -> None:
        async def slow(store: Store, action: Any) -> Any:
            written = await good(store, action)
            await asyncio.sleep(0.3)
            return written

        monkeypatch.setattr(Store, "write", slow)
        with suppress(TimeoutError):
            async with asyncio.timeout(0.15):
                await shop.chat()
        await until(lambda: bool(shop.query("SELECT 1 FROM requests WHERE ended_ms IS NOT NULL")))
        await shop.settled()
        assert shop.query("SELECT reserved_pusd FROM customers") == [(0,)]
        assert not shop.hosts[0].tickets

    play(scene, tmp_path)


def test_stream__the_application_reads_nothing__its_connection_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.api.WRITE_TIMEOUT_S", 0.5)

    def is_held(port: int) -> bool:
        """Whether somebody still holds a socket whose other end has this port."""
        rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        return any(row[2].endswith(f":{port:04X}") and row[9] != "0" for row in rows)

    async def scene(shop: Shop) -> None:
        body = json.dumps(ask(stream=True, max_tokens=4000)).encode()
        head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {shop.key}\r\n"
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        with socket.socket() as deaf:
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            deaf.connect(("127.0.0.1", int(shop.url.rpartition(":")[2])))
            deaf.sendall(head.encode() + body)
            await until(lambda: shop.query("SELECT outcome FROM requests") == [("caller_gone",)])
            await until(lambda: not is_held(deaf.getsockname()[1]))

    play(scene, tmp_path, [Habits(words=4000, writes=lambda place: "w" * 8000 + f"{place} ")])


def test_fetch__more_than_both_credits_cover__is_refused_and_the_host_is_not_given_up(tmp_path: Path) -> None:
    async def scene(shop: Shop) -> None:
        status, told, _ = await shop.post("/v1/embeddings", {"model": MODEL, "input": ["a" * 3000]})
        assert (status, told["error"]["code"]) == (400, "context_length_exceeded")
        assert not shop.hosts[0].tickets

    play(scene, tmp_path)


def test_fetch__more_bytes_than_its_vectors_can_have__are_not_taken(tmp_path: Path) -> None:
    async def scene(shop: Shop) -> None:
        status, told, _ = await shop.post("/v1/embeddings", {"model": MODEL, "input": ["a"]})
        assert (status, told["data"][0]["embedding"]) == (200, [0.5])
        assert shop.desk.health[HOSTS[0]].failures == 1

    play(scene, tmp_path, [Habits(vector=(0.5,) * 200_000), Habits()])


def test_fetch__a_host_waits_for_a_voucher__another_is_asked_and_the_escrow_goes_on(tmp_path: Path) -> None:
    async def scene(shop: Shop) -> None:
        status, _, _ = await shop.post("/v1/embeddings", {"model": MODEL, "input": ["a"]})
        assert status == 200
        assert not shop.desk.describe_use().exhausted

    play(scene, tmp_path, [Habits(status=402, refusal=refusal("voucher_missing")), Habits()])


def test_stream__the_next_hosts_escrow_has_gone_meanwhile__the_application_is_told(tmp_path: Path) -> None:
    async def scene(shop: Shop) -> None:
        asking = asyncio.create_task(shop.chat())
        await until(lambda: bool(shop.hosts[0].tickets))
        assert shop.desk.market is not None
        shop.desk.set_market(replace(shop.desk.market, escrows=()))
        status, told, _ = await asking
        assert (status, told["error"]["code"]) == (503, "no_escrow")

    play(scene, tmp_path, [Habits(hangs=True), Habits()], silence_s=0.5)


UNSIGNED = [
    (Habits(signs=False), "no receipt"),
    (Habits(signs_with=b"\x09" * 32), "another key"),
    (Habits(signs_request=17), "another request"),
    (Habits(adds_to_serial=10**6), "a serial that was never signed"),
    (Habits(bad_note=b": gonka-answer {}\n\n"), "a note that cannot be read"),
]


@pytest.mark.parametrize(("habits", "what"), UNSIGNED, ids=[what for _, what in UNSIGNED])
@pytest.mark.parametrize("stream", [True, False])
def test_receipt__missing_or_wrong__the_answer_is_whole_and_the_host_rests(
    tmp_path: Path, habits: Habits, what: str, *, stream: bool
) -> None:
    async def scene(shop: Shop) -> None:
        status, told, _ = await shop.chat(stream=stream)
        assert status == 200
        assert "w8 " in (told if stream else told["choices"][0]["message"]["content"])
        if stream:
            assert read_stream(told)[-1] is None
        await shop.settled()
        assert shop.query("SELECT outcome FROM requests") == [("done",)]
        assert not shop.query("SELECT 1 FROM receipts")
        assert (shop.desk.health[HOSTS[0]].no_receipt, shop.desk.health[HOSTS[0]].failures) == (1, 0)
        assert (await shop.chat())[0] == 200
        assert len(shop.hosts[1].tickets) == 1, "the other host is asked meanwhile"

    play(scene, tmp_path, [habits, Habits()])


def test_receipt__good__is_on_disk_when_the_request_has_ended(tmp_path: Path) -> None:
    async def scene(shop: Shop) -> None:
        for _ in range(2):
            await shop.chat()
        await shop.settled()
        place = (ESCROW_ID, HOSTS[0])
        for request in (1, 2):
            kept = read_kept(shop.desk.store.connection, place, request)
            assert kept.serving_pubkey == serving_key(kept.signed.host)
            assert verify_digest(kept.serving_pubkey, kept.signature, receipt_message(kept.signed))
        assert not shop.desk.health[HOSTS[0]].no_receipt

    play(scene, tmp_path)


def test_receipt__signed_after_a_voucher_older_than_the_one_that_had_settled__is_not_taken(tmp_path: Path) -> None:
    """Where such a receipt would hang may be forgotten: it could never be shown."""

    async def scene(shop: Shop) -> None:
        assert shop.desk.market is not None
        (escrow,) = shop.desk.market.escrows
        shop.desk.set_market(replace(shop.desk.market, escrows=(replace(escrow, settled={HOSTS[0]: 3}),)))
        assert (await shop.chat())[0] == 200
        await shop.settled()
        assert not shop.query("SELECT 1 FROM receipts")
        assert shop.desk.health[HOSTS[0]].no_receipt == 1

    play(scene, tmp_path)


def test_receipt__the_serving_key_changes_meanwhile__the_one_before_is_still_good(tmp_path: Path) -> None:
    async def scene(shop: Shop) -> None:
        market = shop.desk.market
        assert market is not None
        for key, unsigned in [(b"\x02" * 33, 0), (b"\x03" * 33, 1)]:
            offers = {host: replace(offer, serving_pubkey=key) for host, offer in market.offers.items()}
            shop.desk.set_market(replace(market, offers=offers))
            assert (await shop.chat())[0] == 200
            assert shop.desk.health[HOSTS[0]].no_receipt == unsigned

    play(scene, tmp_path)


def test_choose__a_reserve_that_cannot_hold_the_worst_case__is_not_used(tmp_path: Path) -> None:
    async def scene(shop: Shop) -> None:
        shop.desk.set_market(with_reserve(shop, 100))
        status, told, headers = await shop.chat()
        assert (status, told["error"]["code"], headers["Retry-After"]) == (503, "no_host", "2")

    play(scene, tmp_path)


def test_guard__a_host_in_a_private_network__is_not_dialled(tmp_path: Path) -> None:
    async def scene(shop: Shop) -> None:
        status, told, _ = await shop.chat()
        assert (status, told["error"]["code"]) == (502, "address_forbidden")
        assert not shop.hosts[0].tickets

    play(scene, tmp_path, allowed=())


async def until(reached: Callable[[], bool]) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(20):
        while not reached():  # noqa: ASYNC110  # what is waited for is in the ledger, or a stub's
            await asyncio.sleep(0.01)

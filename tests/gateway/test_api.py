"""What applications meet at the gateway's door."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import openai
import pytest

from gateway.keys import revoke_key
from gateway.money import PUSD
from gateway.policies import Policy
from tests.gateway.shop import HOSTS, MODEL, Shop, ask
from tests.gateway.stub_host import Habits
from tests.gateway.test_relay import play, read_stream


@pytest.mark.parametrize("key", ["", "gnk-wrong", "x" * 9000, "gnk-\u00e9"])
def test_door__no_good_key__401(tmp_path: Path, key: str) -> None:
    async def scene(shop: Shop) -> None:
        status, told, _ = await shop.post("/v1/chat/completions", ask(), key=key)
        assert status in {400, 401}  # a header above aiohttp's limit is refused before it is read
        if status == 401:
            assert told["error"]["code"] in {"invalid_api_key", "key_missing"}
        assert not shop.hosts[0].tickets

    play(scene, tmp_path)


def test_door__a_revoked_key__is_refused_from_its_next_request(tmp_path: Path) -> None:
    async def scene(shop: Shop) -> None:
        assert (await shop.chat())[0] == 200
        ((key_id,),) = shop.query("SELECT key_id FROM keys")
        await shop.desk.store.write(lambda c: revoke_key(c, key_id, 5))
        assert (await shop.chat())[0] == 401

    play(scene, tmp_path)


BAD = [
    ({"messages": []}, 400, "missing_required_parameter"),
    (ask(model="gpt-none"), 404, "model_not_found"),
    (ask(max_tokens=-1), 400, "invalid_value"),
    (ask(max_tokens="many"), 400, "invalid_type"),
    (ask(stop=["x"] * 1_000_000), 413, "body_too_large"),
    (ask(stop=["x"] * 1000), 400, "array_above_max_length"),
    (ask(unheard_of=1), 400, "unknown_parameter"),
    ([], 400, "json_invalid"),
]


@pytest.mark.parametrize(("body", "status", "code"), BAD, ids=[code for _, _, code in BAD])
def test_door__a_bad_request__is_refused_in_openais_form_before_anything_is_reserved(
    tmp_path: Path, body: Any, status: int, code: str
) -> None:
    async def scene(shop: Shop) -> None:
        found, told, _ = await shop.post("/v1/chat/completions", body)
        assert (found, told["error"]["code"]) == (status, code)
        assert set(told["error"]) == {"message", "type", "param", "code"}
        assert shop.query("SELECT count(*) FROM requests") == [(0,)]

    play(scene, tmp_path)


def test_door__json_bombs_and_other_bodies__are_refused_fast(tmp_path: Path) -> None:
    async def scene(shop: Shop) -> None:
        headers = {"Authorization": f"Bearer {shop.key}", "Content-Type": "application/json"}
        for body, status in [(b"[" * 100_000, 400), (b"{", 400), (b"\xff", 400), (b"NaN", 400)]:
            async with shop.session.post(f"{shop.url}/v1/chat/completions", data=body, headers=headers) as response:
                assert response.status == status
                assert "error" in await response.json()
        headers["Content-Type"] = "text/plain"
        async with shop.session.post(f"{shop.url}/v1/chat/completions", data=b"{}", headers=headers) as response:
            assert (response.status, (await response.json())["error"]["code"]) == (415, "content_type_invalid")

    play(scene, tmp_path)


def test_door__no_such_path_or_method__404_and_405(tmp_path: Path) -> None:
    async def scene(shop: Shop) -> None:
        async with shop.session.get(f"{shop.url}/v2/none") as response:
            assert (response.status, (await response.json())["error"]["code"]) == (404, "unknown_url")
        async with shop.session.get(f"{shop.url}/v1/chat/completions") as response:
            assert (response.status, (await response.json())["error"]["code"]) == (405, "method_not_allowed")
            assert "POST" in response.headers["Allow"]

    play(scene, tmp_path)


def test_models__with_a_key__shows_prices_in_usd_for_a_million_tokens(tmp_path: Path) -> None:
    async def scene(shop: Shop) -> None:
        async with shop.session.get(f"{shop.url}/v1/models", headers={"Authorization": f"Bearer {shop.key}"}) as found:
            (model,) = (await found.json())["data"]
        assert model["id"] == MODEL
        assert model["pricing"] == {
            "usd_per_million_input_tokens": "0.02",
            "usd_per_million_output_tokens": "0.06",
        }
        async with shop.session.get(f"{shop.url}/v1/models") as found:
            assert found.status == 401

    play(scene, tmp_path)


def test_policy__models_regions_and_hosts__a_request_never_leaves_them(tmp_path: Path) -> None:
    async def forbidden(shop: Shop) -> None:
        assert (await shop.chat())[0] == 403
        async with shop.session.get(f"{shop.url}/v1/models", headers={"Authorization": f"Bearer {shop.key}"}) as found:
            assert (await found.json())["data"] == []

    async def nobody(shop: Shop) -> None:
        status, told, _ = await shop.chat()
        assert (status, told["error"]["code"]) == (503, "policy_unserved")

    async def no_escrow(shop: Shop) -> None:
        status, told, headers = await shop.chat()
        assert (status, told["error"]["code"]) == (503, "no_escrow")
        assert int(headers["Retry-After"]) > 0
        assert not any(host.tickets for host in shop.hosts)

    play(forbidden, tmp_path / "1", policy=Policy(models=("other",)))
    play(nobody, tmp_path / "2", policy=Policy(regions=("JP",)))
    play(no_escrow, tmp_path / "3", policy=Policy(regions=("DE",)))
    play(no_escrow, tmp_path / "4", [Habits(), Habits()], policy=Policy(hosts=(HOSTS[1],)))


def test_money__a_key_without_balance__429_insufficient_quota_that_clients_do_not_try_again(tmp_path: Path) -> None:
    async def scene(shop: Shop) -> None:
        status, told, headers = await shop.chat()
        assert (status, told["error"]["type"]) == (429, "insufficient_quota")
        assert headers["X-Should-Retry"] == "false"
        client = openai.AsyncOpenAI(base_url=f"{shop.url}/v1", api_key=shop.key, max_retries=5)
        async with client:
            with pytest.raises(openai.RateLimitError) as caught:
                await client.chat.completions.create(
                    model=MODEL, messages=[{"role": "user", "content": "x"}], max_tokens=5
                )
        assert caught.value.code == "insufficient_quota"
        assert shop.api.answered["429"] == 2

    play(scene, tmp_path, usd=0)


def test_money__spending_cap__stops_the_key(tmp_path: Path) -> None:
    async def scene(shop: Shop) -> None:
        for code in ("spend_cap_reached",):
            status, told, _ = await shop.chat()
            assert (status, told["error"]["code"]) == (429, code)

    play(scene, tmp_path, policy=Policy(spend_pusd=1))


def test_rate__more_than_allowed__429_with_retry_after(tmp_path: Path) -> None:
    async def scene(shop: Shop) -> None:
        answers = [await shop.chat() for _ in range(3)]
        assert [status for status, _, _ in answers] == [200, 200, 429]
        assert int(answers[2][2]["Retry-After"]) in range(1, 31)
        assert answers[2][1]["error"]["code"] == "rate_limit_exceeded"

    play(scene, tmp_path, policy=Policy(per_minute=2))


def test_full__more_requests_than_it_takes__429(tmp_path: Path) -> None:
    async def scene(shop: Shop) -> None:
        answers = await asyncio.gather(*(shop.chat(str(i)) for i in range(8)))
        assert sorted({status for status, _, _ in answers}) == [200, 429]
        assert {t["error"]["code"] for status, t, _ in answers if status == 429} == {"gateway_full"}

    play(scene, tmp_path, [Habits(pause_s=0.05)], most_requests=2)


def test_openai_client__chat_stream_completion_and_embedding__work_unmodified(tmp_path: Path) -> None:
    async def scene(shop: Shop) -> None:
        async with openai.AsyncOpenAI(base_url=f"{shop.url}/v1", api_key=shop.key) as client:
            whole = await client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "x"}])
            assert whole.choices[0].message.content is not None
            stream = await client.chat.completions.create(
                model=MODEL, messages=[{"role": "user", "content": "x"}], stream=True
            )
            pieces = [c.choices[0].delta.content or "" async for c in stream if c.choices]
            assert "".join(pieces) == whole.choices[0].message.content
            text = await client.completions.create(model=MODEL, prompt="x")
            assert text.choices[0].finish_reason == "stop"
            vectors = await client.embeddings.create(model=MODEL, input=["a"], encoding_format="float")
            assert vectors.data[0].embedding == [0.5]
            assert [m.id async for m in client.models.list()] == [MODEL]
            assert (await client.models.retrieve(MODEL)).id == MODEL

    play(scene, tmp_path)


def test_ledger__the_disk_takes_nothing__503_and_the_host_is_not_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from chain_client.errors import TransientError
    from gateway.store import Store

    async def scene(shop: Shop) -> None:
        async def full(*_: object) -> None:
            raise TransientError("disk_full", "no room")

        with monkeypatch.context() as patch:
            patch.setattr(Store, "write", full)
            status, told, _ = await shop.chat()
            assert (status, told["error"]["code"]) == (503, "ledger_unavailable")
        assert not shop.hosts[0].tickets
        assert (await shop.chat())[0] == 200

    play(scene, tmp_path)


def test_ledger__the_disk_is_full_while_a_request_runs__it_is_charged_once_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from chain_client.errors import TransientError
    from gateway.store import Store

    monkeypatch.setattr("gateway.relay.RETRY_S", 0.05)
    good = Store.write

    async def scene(shop: Shop) -> None:
        failures = 3

        async def failing(store: Store, action: Any) -> Any:
            nonlocal failures
            if shop.hosts[0].tickets and failures:
                failures -= 1
                raise TransientError("disk_full", "no room")
            return await good(store, action)

        monkeypatch.setattr(Store, "write", failing)
        status, text, _ = await shop.chat(stream=True)
        assert status == 200
        assert read_stream(text)[-1] is None
        sums = await shop.settled()
        assert failures == 0
        assert sums["customer:acme"] + sums["sales"] == 10 * PUSD
        assert sums["sales"] > 0

    play(scene, tmp_path)


def test_description__asked_for_by_anybody__is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene(shop: Shop) -> None:
        monkeypatch.setattr("gateway.api.build_openapi", None)
        async with shop.session.get(f"{shop.url}/openapi.json") as response:
            assert response.status == 200

    play(scene, tmp_path)


def test_health_and_description__need_no_key(tmp_path: Path) -> None:
    async def scene(shop: Shop) -> None:
        async with shop.session.get(f"{shop.url}/healthz") as response:
            assert (response.status, (await response.json())["status"]) == (200, "ok")
        async with shop.session.get(f"{shop.url}/openapi.json") as response:
            assert "/v1/chat/completions" in json.loads(await response.text())["paths"]

    play(scene, tmp_path)

"""The service Inference of a real sidecar over tiny models."""

import json
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import pytest

from tests.sidecar.conftest import SidecarProcess
from tests.sidecar.inference.conftest import DRAWN, SEED, Client, connect, list_tokens
from tests.sidecar.inference.tiny import END, MAX_CONTEXT, VOCABULARY
from wire.gonka.sidecar.v1 import inference_pb2 as pb

CHAT = json.dumps({"messages": [{"role": "user", "content": "Hi"}]})


def test_models__two_are_served__both_are_named_with_what_they_can(client: Client) -> None:
    models = client.stub.Models(pb.ModelsRequest(), timeout=10).models
    assert [model.name for model in models] == ["other", "tiny"]
    assert {(model.max_context, model.vocabulary, model.engine, model.device) for model in models} == {
        (MAX_CONTEXT, VOCABULARY, "transformers", "cpu")
    }
    assert all(model.defined_sampler and model.embeds for model in models)
    assert len({model.content_hash for model in models}) == 2
    assert len({model.tokenizer_hash for model in models}) == 1


def test_render__a_conversation__is_the_models_own_template(client: Client) -> None:
    request = pb.RenderRequest(content_hash=client.model.content_hash, chat=CHAT)
    tokens = client.stub.Render(request, timeout=10).tokens
    assert bytes(t if t < 256 else {257: 60, END: 62}[t] for t in tokens) == b"<user\nHi>\n<assistant\n"


def test_render__text__is_its_tokens(client: Client) -> None:
    request = pb.RenderRequest(content_hash=client.model.content_hash, text="Hé")
    assert bytes(client.stub.Render(request, timeout=10).tokens) == "Hé".encode()


@pytest.mark.parametrize(
    "chat",
    [
        pytest.param("{", id="no JSON"),
        pytest.param("[]", id="no object"),
        pytest.param("{}", id="no messages"),
        pytest.param('{"messages": []}', id="an empty conversation"),
        pytest.param('{"messages": [{"content": "x"}]}', id="no role"),
        pytest.param('{"messages": [{"role": "user", "content": 7}]}', id="a number for a text"),
        pytest.param("[" * 100_000, id="deep"),
    ],
)
def test_render__a_bad_conversation__is_refused(client: Client, chat: str) -> None:
    request = pb.RenderRequest(content_hash=client.model.content_hash, chat=chat)
    assert client.refuse(lambda: client.stub.Render(request, timeout=20)) == "chat_invalid"


def test_generate__greedy_twice_and_beside_others__the_same_tokens(client: Client) -> None:
    alone = list_tokens(client.generate("alone"))
    results: dict[str, list[int]] = {}
    threads = [
        threading.Thread(
            target=lambda name=f"many-{n}", n=n: results.update(
                {
                    name: list_tokens(
                        client.generate(name, [72, 101, 108, 108, 111] if n == 3 else [n + 1] * (40 * n + 1))
                    )
                }
            )
        )
        for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(results) == 8
    assert results["many-3"] == alone
    assert 0 < len(alone) <= 20


def test_generate__chunks__add_up_to_tokens_text_and_reason(client: Client) -> None:
    chunks = client.generate("sums", max_tokens=12)
    assert [chunk.finish_reason for chunk in chunks[:-1]] == [""] * (len(chunks) - 1)
    assert chunks[-1].finish_reason == "length"
    assert chunks[-1].prompt_done == 5
    data = bytes(token for token in list_tokens(chunks) if token < 256)
    assert "".join(chunk.text for chunk in chunks) == data.decode(errors="replace")
    assert b"".join(token.text for chunk in chunks for token in chunk.tokens) == data


def test_generate__a_long_prompt__is_computed_in_pieces(client: Client) -> None:
    chunks = client.generate("pieces", [7] * 300, max_tokens=2)
    assert [chunk.prompt_done for chunk in chunks] == [128, 256, 300, 300]


def test_generate__with_logprobs__alternatives_are_sorted_and_sum_below_one(client: Client) -> None:
    chunks = client.generate("logprobs", sampling=pb.Sampling(), logprobs=True, top_logprobs=5)
    for token in (token for chunk in chunks for token in chunk.tokens):
        ranked = [entry.logprob_micro for entry in token.top]
        assert ranked == sorted(ranked, reverse=True)
        assert len(ranked) == 5
        assert token.top[0].token == token.token
        assert token.logprob_micro == ranked[0] <= 0


def test_generate__same_seed__same_tokens_and_another_seed_others(client: Client) -> None:
    answers = [
        list_tokens(
            client.generate(f"seed-{n}", max_tokens=40, sampling=pb.Sampling(temperature_milli=1000, seed=seed))
        )
        for n, seed in enumerate([SEED, SEED, b"t" * 32])
    ]
    assert answers[0] == answers[1] != answers[2]


def test_score__an_answer_of_the_same_model__no_gap_and_a_foreign_token_has_one(client: Client) -> None:
    prompt = [72, 101, 108, 108, 111] * 40
    answer = list_tokens(client.generate("scored", prompt, max_tokens=150, sampling=DRAWN))
    request = pb.ScoreRequest(content_hash=client.model.content_hash, prompt=prompt, answer=answer, sampling=DRAWN)
    scores = client.stub.Score(request, timeout=30).scores
    assert [score.expected for score in scores] == answer
    assert {score.gap_milli for score in scores} == {0}
    answer[3] = (answer[3] + 1) % 256
    request = pb.ScoreRequest(content_hash=client.model.content_hash, prompt=prompt, answer=answer, sampling=DRAWN)
    scores = client.stub.Score(request, timeout=30).scores
    assert scores[3].gap_milli > 0
    assert len(scores) == len(answer)


def test_embed__two_texts__vectors_of_length_one_that_differ(client: Client) -> None:
    def embed(tokens: list[int]) -> list[float]:
        request = pb.EmbedRequest(content_hash=client.model.content_hash, tokens=tokens)
        return list(client.stub.Embed(request, timeout=20).values)

    one, other = embed([1, 2, 3]), embed([9] * 400)
    assert sum(x * x for x in one) == pytest.approx(1)
    assert sum(x * x for x in other) == pytest.approx(1)
    assert one != other
    assert embed([1, 2, 3]) == one


# ---- stops and ends ------------------------------------------------------------------------------------------------


def find_stop(client: Client) -> tuple[str, str]:
    """A text that the greedy answer has in the middle, and what stands before it."""
    text = "".join(chunk.text for chunk in client.generate("unstopped", [65], max_tokens=30))
    stop = next(letter for letter in text[5:] if letter not in text[:5] and letter != "\ufffd")
    return stop, text[: text.index(stop)]


def test_generate__a_stop_string__cuts_the_text_before_it(client: Client) -> None:
    stop, before = find_stop(client)
    chunks = client.generate("stopped", [65], max_tokens=30, stop=["never there", stop])
    assert "".join(chunk.text for chunk in chunks) == before
    assert chunks[-1].finish_reason == "stop"


def test_generate__the_end_token__ends_the_answer_and_is_counted(client: Client) -> None:
    sampling = pb.Sampling(bias=[pb.TokenBias(token=END, bias_milli=100_000)])
    (chunk,) = client.generate("ended", sampling=sampling)
    assert (list_tokens([chunk]), chunk.text, chunk.finish_reason) == ([END], "", "stop")


def test_generate__more_tokens_than_the_context__ends_where_it_ends(client: Client) -> None:
    chunks = client.generate("context", [5] * (MAX_CONTEXT - 3), max_tokens=50)
    assert len(list_tokens(chunks)) == 3
    assert chunks[-1].finish_reason == "length"


# ---- allowance -----------------------------------------------------------------------------------------------------


def test_generate__allowance_used_up__waits_without_stopping_others_and_goes_on_when_allowed(client: Client) -> None:
    whole = list_tokens(client.generate("whole", sampling=DRAWN))
    stream = client.stub.Generate(client.build("paused", sampling=DRAWN, allowance_tokens=5 + 4), timeout=60)
    first = [next(stream) for _ in range(4)]
    late: list[pb.GenerateChunk] = []
    reader = threading.Thread(target=lambda: late.extend(stream))
    reader.start()
    assert list_tokens(client.generate("meanwhile", sampling=DRAWN)) == whole
    time.sleep(0.3)
    assert late == []
    client.stub.Allow(pb.AllowRequest(request_id="paused", allowance_tokens=3), timeout=10)
    time.sleep(0.3)
    assert late == []
    client.stub.Allow(pb.AllowRequest(request_id="paused", allowance_tokens=1000), timeout=10)
    reader.join(30)
    assert list_tokens(first) + list_tokens(late) == whole


def test_generate__no_allowance_for_the_prompt__its_work_stops_there(client: Client) -> None:
    stream = client.stub.Generate(client.build("prompt", [9] * 400, allowance_tokens=200), timeout=60)
    assert [next(stream).prompt_done for _ in range(2)] == [128, 200]
    stream.cancel()


def test_generate__cancelled__its_place_is_free_again(client: Client) -> None:
    streams = [client.stub.Generate(client.build(f"cancelled-{n}", allowance_tokens=7), timeout=60) for n in range(60)]
    for stream in streams:
        next(stream)
    for stream in streams:
        stream.cancel()
    give_up = time.monotonic() + 20
    while client.stub.Models(pb.ModelsRequest(), timeout=10).models[1].running_requests:
        assert time.monotonic() < give_up
        time.sleep(0.05)
    assert len(list_tokens(client.generate("after"))) > 0


def test_generate__more_requests_than_are_taken__the_last_are_refused_at_once(client: Client) -> None:
    limit = client.model.max_requests
    streams = [client.stub.Generate(client.build(f"full-{n}", allowance_tokens=6), timeout=60) for n in range(limit)]
    for stream in streams[:10]:
        next(stream)
    give_up = time.monotonic() + 20
    while client.stub.Models(pb.ModelsRequest(), timeout=10).models[1].running_requests < limit:
        assert time.monotonic() < give_up
        time.sleep(0.02)
    assert client.refuse(lambda: client.generate("one-too-many")) == "engine_busy"
    for stream in streams:
        stream.cancel()


# ---- bad input -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        pytest.param({"request_id": "A b"}, "request_id_invalid", id="a name with a space"),
        pytest.param({"content_hash": b"x" * 32}, "model_not_served", id="a model nobody serves"),
        pytest.param({"content_hash": b""}, "model_not_served", id="no model"),
        pytest.param({"prompt": []}, "prompt_invalid", id="no prompt"),
        pytest.param({"prompt": [VOCABULARY]}, "prompt_invalid", id="a token outside the vocabulary"),
        pytest.param({"prompt": [1] * MAX_CONTEXT}, "prompt_too_long", id="no room for an answer"),
        pytest.param({"prompt": [1] * 200_000}, "prompt_too_long", id="far too long"),
        pytest.param({"max_tokens": 0}, "max_tokens_invalid", id="an answer of nothing"),
        pytest.param({"stop": ["x"] * 17}, "stop_invalid", id="too many stop strings"),
        pytest.param({"stop": [""]}, "stop_invalid", id="an empty stop string"),
        pytest.param({"stop": ["x" * 1025]}, "stop_invalid", id="a long stop string"),
        pytest.param({"top_logprobs": 21}, "sampling_invalid", id="too many alternatives"),
        pytest.param({"sampling": pb.Sampling(temperature_milli=1000)}, "sampling_invalid", id="no seed"),
        pytest.param({"sampling": pb.Sampling(seed=b"x")}, "sampling_invalid", id="a short seed"),
        pytest.param({"sampling": pb.Sampling(top_p_ppm=1_000_001)}, "sampling_invalid", id="top-p above one"),
        pytest.param({"sampling": pb.Sampling(temperature_milli=2_000_000, seed=SEED)}, "sampling_invalid", id="hot"),
        pytest.param(
            {"sampling": pb.Sampling(bias=[pb.TokenBias(token=VOCABULARY)])}, "sampling_invalid", id="a foreign bias"
        ),
        pytest.param(
            {"sampling": pb.Sampling(bias=[pb.TokenBias(token=1)] * 2)}, "sampling_invalid", id="a bias given twice"
        ),
    ],
)
def test_generate__a_bad_field__is_refused(client: Client, changes: dict[str, Any], code: str) -> None:
    request = client.build(**{"request_id": "bad", **changes})
    assert client.refuse(lambda: list(client.stub.Generate(request, timeout=20))) == code


def test_generate__a_name_that_is_running__is_refused(client: Client) -> None:
    stream = client.stub.Generate(client.build("twice", allowance_tokens=6), timeout=60)
    next(stream)
    assert client.refuse(lambda: client.generate("twice")) == "request_id_taken"
    stream.cancel()


def test_allow__nobody_of_this_name__is_refused(client: Client) -> None:
    request = pb.AllowRequest(request_id="nobody", allowance_tokens=1)
    assert client.refuse(lambda: client.stub.Allow(request, timeout=10)) == "request_unknown"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        pytest.param({"answer": []}, "answer_invalid", id="no answer"),
        pytest.param({"answer": [VOCABULARY]}, "answer_invalid", id="a foreign token"),
        pytest.param({"answer": [1] * MAX_CONTEXT}, "prompt_too_long", id="longer than the context"),
        pytest.param({"prompt": []}, "prompt_invalid", id="no prompt"),
    ],
)
def test_score__a_bad_field__is_refused(client: Client, changes: dict[str, Any], code: str) -> None:
    fields = {"content_hash": client.model.content_hash, "prompt": [1], "answer": [2], "sampling": DRAWN} | changes
    assert client.refuse(lambda: client.stub.Score(pb.ScoreRequest(**fields), timeout=20)) == code


@pytest.mark.parametrize("name", ["Models", "Render", "Generate", "Allow", "Score", "Embed"])
def test_every_call__garbage__is_refused_with_a_code(client: Client, name: str) -> None:
    with grpc.insecure_channel(f"unix:{client.sidecar.socket}") as channel:
        path = f"/gonka.sidecar.v1.Inference/{name}"
        call = channel.unary_stream(path)
        assert client.refuse(lambda: list(call(b"\xff\xff\xff", timeout=10))) == "job_request_unreadable"


def test_kill__of_the_engines_process_under_load__coded_and_answers_come_again(
    models: Path, new_sidecar: Callable[..., SidecarProcess]
) -> None:
    sidecar = new_sidecar("--models", str(models), "--model", "tiny").start()
    with connect(sidecar) as client:
        whole = list_tokens(client.generate("before"))
        streams = [client.stub.Generate(client.build(f"killed-{n}", max_tokens=900), timeout=60) for n in range(4)]
        for stream in streams:
            next(stream)
        os.kill(find_engine(sidecar), signal.SIGKILL)
        assert [client.refuse(lambda stream=stream: list(stream)) for stream in streams] == ["engine_died"] * 4
        give_up = time.monotonic() + 90
        while not client.stub.Models(pb.ModelsRequest(), timeout=10).models:
            assert time.monotonic() < give_up
            assert client.refuse(lambda: client.generate("meanwhile")) in {"engine_starting", "engine_died"}
            time.sleep(0.2)
        assert list_tokens(client.generate("after")) == whole
    assert sidecar.stop() == 0


def find_engine(sidecar: SidecarProcess) -> int:
    """The process id of the one engine."""
    (found,) = [pid for pid in sidecar.find_workers() if "inference" in Path(f"/proc/{pid}/cmdline").read_text()]
    return found

"""An answer as it grows: ends, limits."""

from sidecar.inference.answers import Answer
from sidecar.inference.sampler import Sampling
from sidecar.inference.tasks import GenerateTask


def build_answer(max_tokens: int = 3, limit: int = 100, stop: tuple[str, ...] = ()) -> Answer:
    sampling = Sampling(
        temperature_milli=0,
        top_k=0,
        top_p_ppm=0,
        frequency_penalty_milli=0,
        presence_penalty_milli=0,
        bias=(),
        seed=bytes(32),
    )
    task = GenerateTask(
        prompt=(1, 2, 3, 4),
        sampling=sampling,
        max_tokens=max_tokens,
        stop=stop,
        logprobs=False,
        top_logprobs=0,
        allowance=10,
    )
    return Answer(1, task, frozenset([9]), limit)


def test_add__an_end_token__ends_without_text() -> None:
    answer = build_answer()
    assert (answer.add(7, b"x"), answer.add(9, b"end"), answer.finish_reason) == ("x", "", "stop")


def test_add__as_many_as_wanted__ends_and_shows_what_was_held() -> None:
    answer = build_answer(max_tokens=2, stop=("xyz",))
    assert (answer.add(7, b"x"), answer.finish_reason) == ("", "")
    assert (answer.add(7, b"y"), answer.finish_reason) == ("xy", "length")


def test_add__the_context_is_full__ends() -> None:
    answer = build_answer(max_tokens=50, limit=5)
    answer.add(7, b"x")
    assert (answer.finish_reason, answer.most_tokens) == ("length", 5)


def test_get_tokens__prompt_then_answer__by_their_place() -> None:
    answer = build_answer()
    answer.add(7, b"x")
    answer.add(8, b"y")
    assert [*answer.get_tokens(1, 2)] == [2, 3]
    assert [*answer.get_tokens(4, 1)] == [7]
    assert [*answer.get_tokens(5, 1)] == [8]
    assert answer.standing.known == 6

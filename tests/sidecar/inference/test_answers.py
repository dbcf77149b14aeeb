"""An answer as it grows: text, stop strings, ends."""

import pytest

from sidecar.inference.answers import Answer, StopFilter
from sidecar.inference.sampler import Sampling
from sidecar.inference.tasks import GenerateTask


@pytest.mark.parametrize(
    ("stop", "pieces", "shown"),
    [
        pytest.param((), [b"ab", b"c"], ["ab", "c", ""], id="no stop string"),
        pytest.param(("c",), [b"abcd", b"e"], ["ab", "", ""], id="cut within a token"),
        pytest.param(("bcd",), [b"ab", b"c", b"d", b"e"], ["a", "", "", "", ""], id="cut over three tokens"),
        pytest.param(("bcd",), [b"ab", b"c", b"x"], ["a", "", "bcx", ""], id="what only began like it is shown"),
        pytest.param(("bcd",), [b"ab", b"c"], ["a", "", "bc"], id="what is held is shown at the end"),
        pytest.param(("zz", "b", "ab"), [b"xab"], ["x", ""], id="the earliest of several"),
        pytest.param(("aab",), [b"a", b"a", b"a", b"b"], ["", "", "a", "", ""], id="overlapping beginnings"),
        pytest.param((), [b"\xc3", b"\xa9"], ["", "é", ""], id="half a letter is held back"),
        pytest.param((), [b"\xc3"], ["", "\ufffd"], id="half a letter at the end"),
        pytest.param((), [b"\xff", b"a"], ["\ufffd", "a", ""], id="a byte that is no letter"),
        pytest.param(("é",), [b"x\xc3", b"\xa9y"], ["x", "", ""], id="a stop string over half letters"),
    ],
)
def test_stop_filter__bytes_in_pieces__text_up_to_the_stop(
    stop: tuple[str, ...], pieces: list[bytes], shown: list[str]
) -> None:
    text = StopFilter(stop)
    assert [*(text.add(piece) for piece in pieces), text.end()] == shown


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

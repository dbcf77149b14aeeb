"""Text out of tokens' bytes, up to a stop string."""

import pytest

from wire.openai.stops import StopFilter


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

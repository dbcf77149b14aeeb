"""Which card a child process sees."""

import pytest

from sidecar.visibility import count_slices, list_visible, narrow

VARIABLE = "CUDA_VISIBLE_DEVICES"
SLICES = "MIG-3b1f2a44-aaaa-5bbb-8ccc-0123456789ab,MIG-3b1f2a44-aaaa-5bbb-8ccc-0123456789ac"


@pytest.mark.parametrize(
    ("device", "visible", "child", "sees", "what"),
    [
        ("cpu", "4,5", "cpu", None, "a CPU has no card to see"),
        ("cuda:0", None, "cuda:0", "0", "all cards are visible"),
        ("cuda:3", None, "cuda:0", "3", "all cards are visible"),
        ("cuda:1", "4,5,6", "cuda:0", "5", "the second of those that this process may see"),
        ("cuda:1", " 4 , 5 ", "cuda:0", "5", "blanks around numbers"),
        ("cuda:0", "GPU-8932f937", "cuda:0", "GPU-8932f937", "a card by its UUID"),
        ("cuda:1", SLICES, "cuda:0", SLICES.split(",")[1], "a MIG slice of its own"),
        ("cuda:2", "4,5", "cuda:2", None, "not one of those that may be seen"),
        ("cuda:1", "4,-1,5", "cuda:1", None, "CUDA reads no further than -1"),
        ("cuda:0", "", "cuda:0", None, "none may be seen"),
        ("cuda", "4", "cuda", None, "no card's name"),
        ("cuda:x", "4", "cuda:x", None, "no card's name"),
    ],
)
def test_narrow__any_device__is_alone_in_what_the_child_sees(
    device: str, visible: str | None, child: str, sees: str | None, what: str
) -> None:
    environ = {} if visible is None else {VARIABLE: visible}
    assert narrow(device, environ) == (child, {} if sees is None else {VARIABLE: sees}), what


@pytest.mark.parametrize(
    ("visible", "names"), [("0,1", ("0", "1")), ("", ()), ("0,,1", ("0",)), ("-1", ()), ("NoDevFiles", ("NoDevFiles",))]
)
def test_list_visible__what_cuda_would_read__is_what_is_listed(visible: str, names: tuple[str, ...]) -> None:
    assert list_visible({VARIABLE: visible}) == names


@pytest.mark.parametrize(("visible", "count"), [(SLICES, 2), ("0,1,2", 0), ("GPU-8932f937", 0), ("", 0)])
def test_count_slices__cards_and_slices__counts_what_one_process_cannot_see_together(visible: str, count: int) -> None:
    assert count_slices({VARIABLE: visible}) == count
    assert count_slices({}) == 0

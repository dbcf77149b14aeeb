"""Parameters of the RPC in JSON and in URIs."""

from collections.abc import Callable

import pytest

from chain.api.rpc_params import Params
from rules.errors import RuleError


def in_json(**values: object) -> Params:
    return Params.of_json(values, ())


def in_uri(**values: str) -> Params:
    return Params(values, quoted=True)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (in_json(tx="AQI=").read_bytes("tx"), b"\x01\x02"),
        (in_json(data="0102").read_bytes("data", hexadecimal=True), b"\x01\x02"),
        (in_json(data="0x0102").read_bytes("data", hexadecimal=True), b"\x01\x02"),
        (in_json().read_bytes("tx"), b""),
        (in_uri(tx="0x0102").read_bytes("tx"), b"\x01\x02"),
        (in_uri(tx='"ab"').read_bytes("tx"), b"ab"),
        (in_uri(path='"/key"').read_text("path"), "/key"),
        (in_uri(path="/key").read_text("path"), "/key"),
        (in_json(height="5").read_int("height"), 5),
        (in_json(height=5).read_int("height"), 5),
        (in_json(height=None).read_int("height", 7), 7),
        (in_uri(height='"5"').read_int("height"), 5),
        (in_uri(height="").read_int("height"), 0),
        (in_json(prove=True).read_bool("prove"), True),
        (in_uri(prove="true").read_bool("prove"), True),
        (in_json().read_bool("prove"), False),
    ],
)
def test_read__a_value_in_either_form__is_understood(found: object, expected: object) -> None:
    assert found == expected


@pytest.mark.parametrize(
    "read",
    [
        lambda: in_json(tx="!!").read_bytes("tx"),
        lambda: in_json(tx=5).read_bytes("tx"),
        lambda: in_json(tx=["AQI="]).read_bytes("tx"),
        lambda: in_uri(tx="0x1").read_bytes("tx"),
        lambda: in_uri(tx='"ab').read_bytes("tx"),
        lambda: in_json(height="x").read_int("height"),
        lambda: in_json(height="1" * 19).read_int("height"),
        lambda: in_json(height=1.5).read_int("height"),
        lambda: in_json(height=True).read_int("height"),
        lambda: in_json(height=[1]).read_int("height"),
        lambda: in_json(height="٣").read_int("height"),
        lambda: in_json(prove="yes").read_bool("prove"),
        lambda: in_json(prove=[]).read_bool("prove"),
        lambda: in_json(path={}).read_text("path"),
        lambda: in_uri(path='"').read_text("path"),
    ],
)
def test_read__another_value__is_refused(read: Callable[[], object]) -> None:
    with pytest.raises(RuleError, match="request_invalid"):
        read()


def test_of_json__a_list__is_taken_in_the_methods_order() -> None:
    params = Params.of_json(["/key", "01"], ("path", "data", "height"))
    assert (params.read_text("path"), params.read_bytes("data", hexadecimal=True), params.read_int("height")) == (
        "/key",
        b"\x01",
        0,
    )


@pytest.mark.parametrize("value", ["x", 5, [1, 2]])
def test_of_json__neither_object_nor_list_that_fits__is_refused(value: object) -> None:
    with pytest.raises(RuleError, match="request_invalid"):
        Params.of_json(value, ("one",))

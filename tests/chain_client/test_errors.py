"""Every client error says what it means and what to do."""

import pytest

from chain_client.errors import CLIENT_FAULTS, ClientError, PermanentError, TransientError


@pytest.mark.parametrize("code", sorted(CLIENT_FAULTS))
def test_client_faults__every_code__has_a_title_and_a_next_step(code: str) -> None:
    error = PermanentError(code)

    assert code.isidentifier()
    assert code == code.lower()
    assert error.fault.title in str(error)
    assert error.fault.next_step


def test_client_error__a_code_of_the_chain__keeps_it() -> None:
    error = PermanentError("insufficient_funds", "10 ngonka are not 20", have=10, need=20)

    assert error.code == "insufficient_funds"
    assert error.fields == {"have": 10, "need": 20}
    assert "fund the account" in error.fault.next_step


def test_client_error__a_code_of_nobody__is_our_mistake() -> None:
    with pytest.raises(KeyError):
        PermanentError("no_such_code")


def test_client_error__both_kinds__are_one_family() -> None:
    assert issubclass(TransientError, ClientError)
    assert issubclass(PermanentError, ClientError)
    assert not issubclass(TransientError, PermanentError)

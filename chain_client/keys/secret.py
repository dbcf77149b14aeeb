"""A secret that does not show itself."""

from typing import Final


class Secret:
    """Text or bytes that print as stars; `reveal` gives the bytes (text in UTF-8)."""

    __slots__ = ("_value",)

    def __init__(self, value: bytes | str) -> None:
        self._value: Final = value.encode() if isinstance(value, str) else bytes(value)

    def reveal(self) -> bytes:
        """The bytes themselves.  Keep them no longer than the operation that needs them."""
        return self._value

    def __repr__(self) -> str:
        return "********"

    def __reduce__(self) -> str:
        raise TypeError("a secret is not pickled")

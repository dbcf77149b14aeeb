"""What the state machine reads from and writes to: ordered byte strings.

Keys are 1 to 511 bytes, values at least one byte (an empty value has no leaf in ICS-23).  Order is that of the bytes.
"""

from collections.abc import Iterator
from typing import Protocol


class Reader(Protocol):
    """Ordered pairs, to be read."""

    def get(self, key: bytes) -> bytes | None:
        """The value under `key`, None where there is none."""
        ...

    def scan(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        """The pairs whose keys begin with `prefix`, in key order; b"" is all of them."""
        ...


class KV(Reader, Protocol):
    """Ordered pairs, to be read and written."""

    def set(self, key: bytes, value: bytes) -> None:
        """Put `value`, not empty, under `key`, in place of what was there."""
        ...

    def delete(self, key: bytes) -> None:
        """Remove `key`; removing what is not there is fine."""
        ...

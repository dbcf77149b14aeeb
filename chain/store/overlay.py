"""Writes that are not yet true: a buffer over a reader, nested as deep as transactions nest."""

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from itertools import islice

from chain.store.kv import KV, Reader

_ABSENT = object()


class Overlay:
    """A KV whose writes stay in memory, over `parent`, which must not change meanwhile.

    `flush_into` hands the writes on; dropping the overlay discards them.
    """

    __slots__ = ("_keys", "_parent", "_writes")

    def __init__(self, parent: Reader) -> None:
        self._parent = parent
        self._writes: dict[bytes, bytes | None] = {}
        self._keys: list[bytes] = []  # the keys written when a scan last asked, sorted

    @property
    def writes(self) -> Mapping[bytes, bytes | None]:
        """What was written: key -> value, None where it was removed."""
        return self._writes

    def get(self, key: bytes) -> bytes | None:
        value = self._writes.get(key, _ABSENT)
        return self._parent.get(key) if value is _ABSENT else value  # type: ignore[return-value]  # not the mark: a value

    def set(self, key: bytes, value: bytes) -> None:
        self._writes[key] = value

    def delete(self, key: bytes) -> None:
        self._writes[key] = None

    def scan(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        """The pairs as they stand now: writes made while the scan runs do not show in it."""
        written = self._written_under(prefix)
        below = self._parent.scan(prefix)
        return _merge(below, written) if written else below

    def flush_into(self, target: KV) -> None:
        """Write everything into `target`, as a rule the parent."""
        for key, value in self._writes.items():
            if value is None:
                target.delete(key)
            else:
                target.set(key, value)

    def _written_under(self, prefix: bytes) -> list[tuple[bytes, bytes | None]]:
        if len(self._keys) < len(self._writes):  # a key once written stays, so the new ones come last in the dict
            self._keys.extend(islice(reversed(self._writes), len(self._writes) - len(self._keys)))
            self._keys.sort()
        start = bisect_left(self._keys, prefix)
        written = []
        for key in islice(self._keys, start, None):
            if not key.startswith(prefix):
                break
            written.append((key, self._writes[key]))
        return written


def _merge(
    below: Iterator[tuple[bytes, bytes]], written: list[tuple[bytes, bytes | None]]
) -> Iterator[tuple[bytes, bytes]]:
    """Both in key order; of equal keys the written one counts, and None hides what is below."""
    under = next(below, None)
    for key, value in written:
        while under is not None and under[0] < key:
            yield under
            under = next(below, None)
        if under is not None and under[0] == key:
            under = next(below, None)
        if value is not None:
            yield key, value
    if under is not None:
        yield under
        yield from below

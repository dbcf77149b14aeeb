"""Where transactions are by what happened in them, so that wallets find an account's history without reading the log.

    event/ SHA-256("type.key=value")[:16] BE64(height) BE32(index)

Only the attributes in INDEXED are kept; the rest of what a search may ask is read from the block log.
"""

from collections.abc import Iterator
from functools import lru_cache
from hashlib import sha256

from chain.engine.blocklog import LoggedBlock
from chain.engine.results import INDEXED
from chain.store.kv import Reader

_INDEXED_TYPES = {name.split(".")[0] for name in INDEXED}
_EVENT = b"event/"
_PRESENT = b"\x01"


def encode_index(logged: LoggedBlock) -> dict[bytes, bytes]:
    """The index's records of one block."""
    records: dict[bytes, bytes] = {}
    for index, result in enumerate(logged.result.tx_results):
        place = logged.block.height.to_bytes(8, "big") + index.to_bytes(4, "big")
        for event in result.events:
            if event.type in _INDEXED_TYPES:
                for key, value in event.attributes:
                    name = f"{event.type}.{key}"
                    if name in INDEXED:
                        records[_prefix(name, value) + place] = _PRESENT
    return records


def forget_index(logged: LoggedBlock) -> dict[bytes, None]:
    """The index's records of one block, to be removed."""
    return dict.fromkeys(encode_index(logged))


def scan_places(records: Reader, name: str, value: str) -> Iterator[tuple[int, int]]:
    """Height and index, ascending, of every transaction with this attribute; `name` is in INDEXED."""
    prefix = _prefix(name, value)
    for key, _ in records.scan(prefix):
        place = key[len(prefix) :]
        yield int.from_bytes(place[:8], "big"), int.from_bytes(place[8:], "big")


def has_place(records: Reader, name: str, value: str, place: tuple[int, int]) -> bool:
    """Whether the transaction at this height and index has the attribute."""
    height, index = place
    return records.get(_prefix(name, value) + height.to_bytes(8, "big") + index.to_bytes(4, "big")) is not None


@lru_cache(1 << 14)
def _prefix(name: str, value: str) -> bytes:
    return _EVENT + sha256(f"{name}={value}".encode()).digest()[:16]

"""Golden values of every profile, packaged with the code so that a device can be tested wherever it runs.

They are a few of the published vectors: nonce, tag, dot, norm2, accepted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, NamedTuple


class GoldenRow(NamedTuple):
    """What one nonce must give."""

    nonce: int
    tag: str
    dot: int
    norm2: int
    accepted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Golden:
    """What a Sprint seed and a host must give."""

    sprint_seed: bytes
    host: bytes
    rows: tuple[GoldenRow, ...]


def _golden(sprint_seed: str, host: str, *rows: GoldenRow) -> Golden:
    return Golden(sprint_seed=bytes.fromhex(sprint_seed), host=bytes.fromhex(host), rows=rows)


GOLDEN: Final[Mapping[str, Golden]] = MappingProxyType(
    {
        "tiny": _golden(
            "0000000000000000000000000000000000000000000000000000000000000000",
            "0000000000000000000000000000000000000000",
            GoldenRow(0, "d910c4e065c24fbf", -87847, 252525, False),
            GoldenRow(1, "67203e0d005f496d", -53185, 264329, False),
            GoldenRow(2, "a5a30470bfaa2dee", -26317, 221484, False),
            GoldenRow(7, "51c246f2a417dbc3", 67254, 263968, True),
        ),
        "dev": _golden(
            "d83dcda9574048cda689beec8f06353296e2fa64025153954af11e85613b90a5",
            "8c663ec46fff04ef79fafcae908b8057955a0b40",
            GoldenRow(0, "04ef878a99517b75", 100348, 2189969, False),
            GoldenRow(1, "423f9571ec261059", 94915, 1988597, False),
            GoldenRow(2, "3a762be4708c43d9", -29324, 2080133, False),
            GoldenRow(314, "5c3036e09e32b852", 260180, 2017405, True),
        ),
        "dev32": _golden(
            "956c9f6c94692b8c706e2c7ac31c729173efa6252946b4981f1c077db19f252b",
            "890195346c1998287785338eb84eaab9662cdbe6",
            GoldenRow(0, "7b98ec87464eea7d", 59548, 1973348, False),
            GoldenRow(1, "f79a1c618d28f47f", -166904, 2073826, False),
            GoldenRow(23, "a7120d97e0d7f58b", 371231, 2245213, True),
        ),
        "whitepaper": _golden(
            "d83dcda9574048cda689beec8f06353296e2fa64025153954af11e85613b90a5",
            "8c663ec46fff04ef79fafcae908b8057955a0b40",
            GoldenRow(0, "122815a5bbd8dd2f", -178346, 8313941, False),
            GoldenRow(1, "caf3394ae05fda88", 88501, 8277895, False),
        ),
        "serving": _golden(
            "d83dcda9574048cda689beec8f06353296e2fa64025153954af11e85613b90a5",
            "8c663ec46fff04ef79fafcae908b8057955a0b40",
            GoldenRow(0, "173f72f0256ae7c4", 381425, 8254839, True),
        ),
    }
)

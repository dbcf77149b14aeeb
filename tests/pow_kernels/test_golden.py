from __future__ import annotations

import json
from pathlib import Path

from pow_kernels.golden import GOLDEN
from pow_kernels.spec import PROFILES

VECTORS = Path(__file__).parents[1] / "vectors"


def test_golden__every_profile__repeats_published_vectors_with_a_hit_where_one_is_known() -> None:
    cases = [c for name in ("itx1.json", "itx1-large.json") for c in json.loads((VECTORS / name).read_text())["cases"]]
    assert list(GOLDEN) == list(PROFILES)
    for name, golden in GOLDEN.items():
        [case] = [
            c
            for c in cases
            if (c["profile"], c["sprint_seed"], c["host"]) == (name, golden.sprint_seed.hex(), golden.host.hex())
        ]
        published = {row["nonce"]: row for row in case["nonces"]}
        assert golden.rows
        assert all(row._asdict() == published[row.nonce] for row in golden.rows)
        assert any(row.accepted for row in golden.rows) == any(row["accepted"] for row in case["nonces"])

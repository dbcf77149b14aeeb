from __future__ import annotations

import sys

import pytest

from pow_kernels.backends import BACKENDS
from pow_kernels.golden import GOLDEN
from pow_kernels.selftest import compare_backends, select


def test_prepare__machine_without_numba__is_refused_by_name_and_the_next_is_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "pow_kernels.numba.stages", None)
    backends = {name: BACKENDS[name] for name in ("numba", "int8")}
    selection = select(compare_backends("tiny", "cpu", backends, GOLDEN["tiny"]))
    assert selection.backend == "int8"
    assert selection.reports[0].detail.startswith("Numba is not installed: ")

"""Golden values and devices, as the tests of this package take them.

Where there is no CUDA card, Triton's kernels run in its interpreter, which must be chosen before they are imported.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Final

import pytest
import torch

from pow_kernels.backends import BACKENDS

HAS_CARD: Final = torch.cuda.is_available()
KERNEL_DEVICE: Final = "cuda" if HAS_CARD else "cpu"
if not HAS_CARD:
    os.environ["TRITON_INTERPRET"] = "1"

CPU_BACKENDS: Final = [name for name, backend in BACKENDS.items() if backend.is_for("cpu")]
VECTORS = Path(__file__).parents[1] / "vectors"


def load_cases(name: str) -> list[dict[str, Any]]:
    cases: list[dict[str, Any]] = json.loads((VECTORS / name).read_text())["cases"]
    return cases


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """`case` runs a test once per golden case; `large_case` once per case of the large profiles."""
    for argument, name in (("case", "itx1.json"), ("large_case", "itx1-large.json")):
        if argument in metafunc.fixturenames:
            cases = load_cases(name)
            metafunc.parametrize(argument, cases, ids=[f"{c['profile']}-{c['host'][:4]}" for c in cases])


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests marked `gpu` say why they are not run."""
    if not HAS_CARD:
        for item in items:
            if item.get_closest_marker("gpu"):
                item.add_marker(pytest.mark.skip(reason="this machine has no CUDA device"))

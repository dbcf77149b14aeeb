from __future__ import annotations

import sys

import pytest

from pow_kernels.energy import NoMeterError, read_energy_j


@pytest.mark.parametrize(
    ("device", "missing", "code"),
    [("cpu", False, "not_a_card"), ("cuda:99", True, "nvml_not_installed"), ("cuda:99", False, "nvml_refuses")],
)
def test_read_energy_j__device_that_nobody_counts__says_why_by_code(
    device: str, missing: bool, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if missing:
        monkeypatch.setitem(sys.modules, "pynvml", None)
    with pytest.raises(NoMeterError) as caught:
        read_energy_j(device)
    assert caught.value.code == code


@pytest.mark.gpu
def test_read_energy_j__a_card__grows() -> None:
    first = read_energy_j("cuda:0")
    assert first > 0
    assert read_energy_j("cuda:0") >= first

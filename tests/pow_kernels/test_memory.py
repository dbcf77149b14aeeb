from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from pow_kernels.backends import BackendError
from pow_kernels.memory import (
    check_fits,
    choose_batch,
    count_fitting,
    count_needed_bytes,
    read_free_bytes,
    read_group_bytes,
)
from pow_kernels.spec import DEV, PROFILES, SERVING, TINY, WHITEPAPER, Profile
from pow_kernels.sprint import SprintFunction


@pytest.mark.parametrize("profile", PROFILES.values(), ids=list(PROFILES))
def test_count_needed_bytes__any_profile__holds_its_weights_twice_on_a_cpu_and_once_on_a_card(profile: Profile) -> None:
    on_cpu, on_card = (count_needed_bytes(profile, device) for device in ("cpu", "cuda:0"))
    assert on_cpu - on_card == profile.parameters
    assert profile.parameters < on_card < 2 * profile.parameters + 100_000_000


def test_check_fits__more_than_the_machine_has__is_refused_with_both_figures() -> None:
    vast = replace(WHITEPAPER, layers=64_000)
    with pytest.raises(BackendError, match=r"the profile whitepaper needs 456\d\.\d GB of memory on cpu, which has "):
        check_fits(vast, "cpu")


def test_open__profile_that_does_not_fit__is_refused_before_anything_is_drawn() -> None:
    vast = replace(TINY, layers=100_000_000)
    with pytest.raises(BackendError, match=r"the profile tiny needs \d+\.\d GB of memory on cpu"):
        SprintFunction.open(sprint_seed=bytes(32), profile=vast, host=bytes(20), backend="int8")


def test_read_free_bytes__this_machine__is_some_of_its_memory() -> None:
    assert 10_000_000 < read_free_bytes("cpu") < 1 << 50


@pytest.mark.parametrize(
    ("profile", "nonces"), [(TINY, 512), (DEV, 256), (SERVING, 4), (replace(TINY, tokens=1040), 1)]
)
def test_choose_batch__a_cpu__is_two_thousand_rows_and_at_least_one_nonce(profile: Profile, nonces: int) -> None:
    assert choose_batch(profile, "cpu") == nonces


@pytest.mark.parametrize(
    ("limit", "used", "free", "what"),
    [
        ("1000000", "400000", 600_000, "what is left"),
        ("1000000", "1400000", 0, "nothing, where the limit was lowered"),
        ("max", "400000", 1 << 62, "not limited"),
        (None, None, 1 << 62, "no control group"),
    ],
)
def test_read_group_bytes__control_group__is_what_it_may_still_take(
    tmp_path: Path, limit: str | None, used: str | None, free: int, what: str
) -> None:
    for name, value in (("memory.max", limit), ("memory.current", used)):
        if value is not None:
            (tmp_path / name).write_text(value + "\n")
    assert read_group_bytes(tmp_path) == free, what


@pytest.mark.parametrize(
    ("profile", "free_bytes", "nonces"),
    [
        (WHITEPAPER, 139 << 30, 32768),
        (WHITEPAPER, 20 << 30, 4096),
        (SERVING, 139 << 30, 256),
        (SERVING, 1 << 30, 2),
        (SERVING, 0, 1),
        (TINY, 1 << 40, 32768),
    ],
)
def test_count_fitting__free_memory_of_a_card__is_a_power_of_two_that_half_of_it_holds(
    profile: Profile, free_bytes: int, nonces: int
) -> None:
    assert count_fitting(profile, free_bytes) == nonces


def test_read_free_bytes__card_whose_memory_torch_keeps__counts_what_it_keeps_as_free(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (1000, 5000))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda device: 3000)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda device: 2500)
    assert read_free_bytes("cuda:0") == 1500


def test_read_free_bytes__card_that_is_not_there__is_refused() -> None:
    with pytest.raises(BackendError, match="cuda:99 cannot be used: "):
        read_free_bytes("cuda:99")

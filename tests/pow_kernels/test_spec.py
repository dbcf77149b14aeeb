from __future__ import annotations

from dataclasses import replace

import pytest

from pow_kernels.spec import (
    DEV,
    EXP2_LUT,
    PROFILES,
    SERVING,
    TINY,
    WHITEPAPER,
    Profile,
    ProfileError,
    Scale,
    get_profile,
)


def test_descriptor__golden_case__is_the_text_of_the_vectors(case: dict[str, str]) -> None:
    profile = get_profile(case["profile"])
    assert profile.descriptor == case["descriptor"]
    assert str(profile.cos2_q64) == case["cos2_q64"]


def test_descriptor__large_golden_case__is_the_text_of_the_vectors(large_case: dict[str, str]) -> None:
    profile = get_profile(large_case["profile"])
    assert profile.descriptor == large_case["descriptor"]
    assert str(profile.cos2_q64) == large_case["cos2_q64"]


def test_exp2_lut__every_entry__is_the_rounded_power() -> None:
    assert [round(127 * 2 ** (-f / 32)) for f in range(32)] == list(EXP2_LUT)


def test_get_profile__unknown_name__lists_the_known_ones() -> None:
    with pytest.raises(ProfileError, match="unknown profile 'huge'; known: tiny, dev, dev32, whitepaper, serving"):
        get_profile("huge")


@pytest.mark.parametrize(
    ("profile", "parameters", "operations"),
    [
        (TINY, 0.147e6, 1.1e6),
        (DEV, 4.7e6, 68e6),
        (PROFILES["dev32"], 34e6, 0.54e9),
        (WHITEPAPER, 2.286e9, 18.3e9),
        (SERVING, 2.16e9, 2.23e12),
    ],
    ids=list(PROFILES),
)
def test_operations_per_nonce__published_table__agrees_to_its_digits(
    profile: Profile, parameters: float, operations: float
) -> None:
    assert profile.parameters == pytest.approx(parameters, rel=0.05)
    assert profile.operations_per_nonce == pytest.approx(operations, rel=0.02)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"ffn": 18873}, r"ffn_out product, 18873 \* 127 \* 7 = 16778097 is not below 2\^24 = 16777216"),
        ({"width": 18873}, r"proj product, 18873 \* 127 \* 7 = 16778097 is not below 2\^24"),
        ({"heads": 600}, r"attn_out product, 19200 \* 127 \* 7 = 17068800 is not below 2\^24"),
        ({"head_dim": 1041, "heads": 1}, r"a score, head_dim \* 127\^2 = 16790289 is not below 2\^24"),
        ({"tokens": 1041}, r"numerator, tokens \* 127\^2 = 16790289 is not below 2\^24"),
        ({"proj": Scale(65537, 12)}, r"proj times its multiplier 65537, plus the half = \d+ is not below 2\^31"),
        ({"ffn_out": Scale(61, 12)}, r"ffn_out near its limit, 8191 \* 2\^12 \+ 2\^11 = \d+ is not below 2\^24"),
        ({"score": Scale(4096, 12)}, r"times its multiplier = \d+ is not below 2\^31"),
        ({"outputs": 1 << 18}, r"dot product, outputs \* 127\^2 = \d+ is not below 2\^31"),
        ({"outputs": 2000}, "outputs = 2000 is not a power of two"),
        ({"tokens": 1}, "tokens at least 2"),
        ({"layers": 0}, "every size is at least 1"),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_profile__bound_broken__is_refused_with_the_arithmetic(changes: dict[str, int], message: str) -> None:
    with pytest.raises(ProfileError, match=message):
        replace(DEV, **changes)


def test_profile__greatest_fan_in__is_allowed() -> None:
    assert replace(DEV, ffn=18872).ffn * 127 * 7 == 16777208

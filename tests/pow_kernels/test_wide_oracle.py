from __future__ import annotations

import pytest

from pow_kernels.oracle import Oracle
from pow_kernels.spec import DEV, TINY, WHITEPAPER, Profile
from tests.pow_kernels.wide_oracle import WideOracle

SEED, HOST = bytes(range(32)), bytes(range(20))


@pytest.mark.parametrize(("profile", "count"), [(TINY, 40), (DEV, 3)], ids=["tiny", "dev"])
def test_evaluate__nonces_side_by_side__are_those_of_the_oracle(profile: Profile, count: int) -> None:
    nonces = [*range(count), 2**63, 2**64 - 1]
    assert WideOracle(profile, SEED, HOST).evaluate(nonces) == Oracle(profile, SEED, HOST).evaluate(nonces)


@pytest.mark.slow
@pytest.mark.parametrize(("profile", "count"), [(DEV, 200), (WHITEPAPER, 1)], ids=["dev", "whitepaper"])
def test_evaluate__more_and_larger_nonces_side_by_side__are_those_of_the_oracle(profile: Profile, count: int) -> None:
    """Minutes."""
    nonces = range(count)
    assert WideOracle(profile, SEED, HOST).evaluate(nonces) == Oracle(profile, SEED, HOST).evaluate(nonces)

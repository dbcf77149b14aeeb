"""The words of `gnk host status` that do not need a chain."""

from dataclasses import replace

import pytest

from commands.reading import describe_phase
from commands.standing import describe_age, find_settled_epoch
from rules.types import Phase
from tests.chain_client.views import make_view


@pytest.mark.parametrize(("phase", "behind"), [(Phase.SERVE, 0), (Phase.SEED, 1), (Phase.DISPUTE_REVEAL, 1)])
def test_find_settled_epoch__only_serve_comes_after_settle(phase: Phase, behind: int) -> None:
    view = make_view(phase)
    assert find_settled_epoch(view) == view.clock.epoch - behind


def test_find_settled_epoch__the_first_epochs__have_none() -> None:
    view = make_view(Phase.SPRINT)
    assert find_settled_epoch(replace(view, clock=replace(view.clock, epoch=1))) == 0


def test_describe_phase__a_round_that_is_late__says_by_how_much_and_why() -> None:
    assert describe_phase("PHASE_SEED", 0) == "SEED: the Sprint's seed is being revealed"
    assert describe_phase("PHASE_SEED", 3).endswith("; 3 blocks late: too few validators sign the round")


@pytest.mark.parametrize(
    ("age_ms", "block_ms", "said"),
    [
        (2_900, 6_000, "2 s ago"),
        (-5_000, 6_000, "0 s ago"),
        (30_000, 6_000, "30 s ago"),
        (31_000, 6_000, "31 s ago: the chain stands still, the node is cut off or behind, or a clock is wrong"),
        (31_000, 10_000, "31 s ago"),
    ],
)
def test_describe_age__the_newest_block__says_when_blocks_are_missing(age_ms: int, block_ms: int, said: str) -> None:
    assert describe_age(age_ms, block_ms) == said

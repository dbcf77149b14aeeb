"""The presets keep the lengths that docs/protocol.md states."""

import pytest

from rules.params import THRESHOLD_BLS, Params
from rules.presets import LOCAL, MAINNET, PRESETS


def count_epoch_blocks(params: Params) -> int:
    s = params.sprint
    phases = [
        s.sprint_blocks, s.reveal_blocks, s.rows_commit_blocks, s.rows_reveal_blocks,
        s.dispute_commit_blocks, s.dispute_reveal_blocks, 1, s.serve_blocks,
    ]  # fmt: skip
    return sum(phases) + 2 * params.beacon.round_blocks


def test_local__an_epoch__is_76_blocks_and_38_seconds() -> None:
    assert count_epoch_blocks(LOCAL) == 76
    assert count_epoch_blocks(LOCAL) * LOCAL.auth.block_ms == 38_000


def test_mainnet__an_epoch__is_a_day_with_a_sprint_of_ten_minutes() -> None:
    assert count_epoch_blocks(MAINNET) * MAINNET.auth.block_ms == 24 * 3600 * 1000
    assert MAINNET.sprint.sprint_blocks * MAINNET.auth.block_ms == 600_000
    assert MAINNET.beacon.kind == THRESHOLD_BLS


def test_mainnet__windows_for_protocol_messages__are_ten_blocks_at_least() -> None:
    s = MAINNET.sprint
    windows = [
        s.claim_blocks, s.reveal_blocks, s.rows_commit_blocks, s.rows_reveal_blocks,
        s.dispute_commit_blocks, s.dispute_reveal_blocks,
    ]  # fmt: skip
    assert min(windows) >= 10


@pytest.mark.parametrize("name", PRESETS)
def test_presets__samples__are_never_below_64(name: str) -> None:
    assert PRESETS[name].sprint.samples >= 64

"""When a changed parameter acts."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chain.modules.params import state
from chain.store.overlay import Overlay
from chain.store.store import Store
from rules.errors import RuleError
from rules.params import THRESHOLDS, Params
from rules.presets import MINIMAL


@pytest.fixture
def store() -> Overlay:
    store = Overlay(Store.in_memory().latest)
    state.init_params(store, MINIMAL)
    return store


def with_profile(params: Params, profile: str) -> Params:
    return replace(params, sprint=replace(params.sprint, profile=profile, threshold=THRESHOLDS[profile]))


def test_freeze__changed_length__acts_from_the_next_epoch(store: Overlay) -> None:
    state.set_live(store, replace(MINIMAL, stake=replace(MINIMAL.stake, unbonding_epochs=9)))
    assert state.get_frozen(store).stake.unbonding_epochs == MINIMAL.stake.unbonding_epochs
    state.freeze(store)
    assert state.get_frozen(store).stake.unbonding_epochs == 9


def test_freeze__changed_profile__acts_one_epoch_later_with_its_threshold(store: Overlay) -> None:
    changed = replace(MINIMAL, stake=replace(MINIMAL.stake, unbonding_epochs=9))
    state.set_live(store, with_profile(changed, "dev"))
    first = state.freeze(store)
    assert (first.sprint.profile, first.sprint.threshold) == ("tiny", THRESHOLDS["tiny"])
    assert first.stake.unbonding_epochs == 9
    second = state.freeze(store)
    assert (second.sprint.profile, second.sprint.threshold) == ("dev", THRESHOLDS["dev"])


def test_freeze__profile_changed_twice__each_acts_in_its_turn(store: Overlay) -> None:
    state.set_live(store, with_profile(MINIMAL, "dev"))
    state.freeze(store)
    state.set_live(store, with_profile(MINIMAL, "serving"))
    assert state.freeze(store).sprint.profile == "dev"
    assert state.freeze(store).sprint.profile == "serving"


def test_set_live__good_alone_but_not_with_the_threshold_before__is_refused(store: Overlay) -> None:
    """max_count may grow with a smaller one_in only once that acts."""
    most = (2**59 - 1) // (MINIMAL.sprint.unit_scale * MINIMAL.sprint.max_hosts)
    smaller = replace(MINIMAL.sprint.threshold, one_in=1)
    changed = replace(MINIMAL, sprint=replace(MINIMAL.sprint, threshold=smaller, max_count=most))
    with pytest.raises(RuleError, match="params_invalid"):
        state.set_live(store, changed)
    assert state.get_live(store) == MINIMAL


PROFILES = st.sampled_from(sorted(THRESHOLDS))
COUNTS = st.integers(1, 2**59)


@given(st.lists(st.one_of(PROFILES, COUNTS, st.none()), max_size=12))
def test_freeze__after_any_changes_that_passed__never_fails(changes: list[str | int | None]) -> None:
    """A profile, a count, or None for the beginning of an epoch."""
    store = Overlay(Store.in_memory().latest)
    state.init_params(store, MINIMAL)
    for change in changes:
        live = state.get_live(store)
        if change is None:
            assert state.freeze(store) == state.get_frozen(store)
            continue
        with suppress(RuleError):
            if isinstance(change, str):
                state.set_live(store, with_profile(live, change))
            else:
                state.set_live(store, replace(live, sprint=replace(live.sprint, max_count=change)))
    state.freeze(store)

"""What a rehearsal says of an account and a speed."""

from dataclasses import replace

import pytest

from chain_client.readiness import forecast_sprint
from chain_client.view import View
from commands.rehearsal import check_account, check_speed, suppose_joined
from rules.params import GNK
from rules.types import Phase
from tests.chain_client.views import make_view

VIEW = make_view(Phase.SERVE)


def failing(view: View, nonces_per_s: float = 350.0) -> list[str]:
    forecast = forecast_sprint(suppose_joined(view), nonces_per_s=nonces_per_s, minted_ngonka=0)
    speed = check_speed(view, nonces_per_s, 1, forecast)
    return [c.name for c in [*check_account(view, forecast), speed] if not c.passed]


def with_stake(ngonka: int) -> View:
    assert VIEW.registration is not None
    return replace(VIEW, registration=replace(VIEW.registration, stake_ngonka=ngonka))


@pytest.mark.parametrize(
    ("view", "nonces_per_s", "failed"),
    [
        (with_stake(100 * GNK), 350.0, []),
        (with_stake(0), 350.0, ["stake"]),
        (replace(with_stake(0), balance_ngonka=0), 350.0, ["claim bond", "stake"]),
        (replace(with_stake(100 * GNK), registration=None), 350.0, ["joined", "stake"]),
        (with_stake(100 * GNK), 0.0, ["proofs"]),
        (with_stake(100 * GNK), 3.0, ["proofs"]),
    ],
)
def test_checks__one_thing_missing__is_the_one_named(view: View, nonces_per_s: float, failed: list[str]) -> None:
    assert failing(view, nonces_per_s) == failed


def test_suppose_joined__an_account_that_is_no_host__stakes_its_balance() -> None:
    supposed = suppose_joined(replace(VIEW, registration=None, balance_ngonka=7 * GNK))
    assert supposed.registration is not None
    assert supposed.registration.stake_ngonka == 7 * GNK


def test_check_account__stake_needed__is_what_backs_all_units() -> None:
    forecast = forecast_sprint(VIEW, nonces_per_s=350.0, minted_ngonka=0)
    stake = next(c for c in check_account(VIEW, forecast) if c.name == "stake")
    assert f"back all {forecast.units} units" in stake.detail

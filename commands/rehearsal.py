"""`gnk host check`: will this machine pass the next Sprint, and what will that bring."""

from __future__ import annotations

import asyncio
import secrets
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from commands.amounts import format_gnk
from commands.call import Call
from commands.output import Json
from commands.reading import read_summary
from commands.standing import describe_sidecar, find_settled_epoch, read_host_view
from commands.writing import acting_address

if TYPE_CHECKING:
    from chain_client.readiness import Forecast
    from chain_client.view import View

ALLOWED_SILENCE_S = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that the next Sprint needs; `detail` says what was seen."""

    name: str
    passed: bool
    detail: str


def rehearse(call: Call, seconds: int) -> tuple[dict[str, Json], list[str]]:
    """Runs the real job for `seconds`, and says what the next Sprint should bring; the second value names what fails.

    Raises ClientError: the chain or the key is not there, `sprint_running`.
    """
    from chain_client.errors import PermanentError
    from chain_client.readiness import forecast_sprint
    from rules.types import Phase

    address = acting_address(call)
    view = read_host_view(call, address)
    if view.clock.phase in {Phase.SPRINT, Phase.CLAIM} and view.registration is not None:
        raise PermanentError("sprint_running", f"a rehearsal would slow the Sprint of epoch {view.clock.epoch}")
    rate, found = _measure(call, view, seconds)
    forecast = forecast_sprint(suppose_joined(view), nonces_per_s=rate, minted_ngonka=_read_minted(call, view))
    checks = [*check_account(view, forecast), check_speed(view, rate, found, forecast)]
    told: dict[str, Json] = {
        "address": address,
        "profile": view.rules.sprint.profile,
        "seconds": seconds,
        "sidecar": describe_sidecar(call),
        "nonces_per_s": round(rate, 1),
        "hits_expected": f"{forecast.hits} +- {forecast.hits_spread}",
        "units_expected": forecast.units,
        "effective_units_expected": forecast.effective_units,
        "reward_expected": format_gnk(forecast.reward_ngonka),
        "checks": [{"check": c.name, "passed": c.passed, "detail": c.detail} for c in checks],
        "passes": all(c.passed for c in checks),
    }
    return told, [c.name for c in checks if not c.passed]


def _measure(call: Call, view: View, seconds: int) -> tuple[float, int]:
    """Nonces a second, and hits found; 0 of both where the sidecar does not answer."""
    from chain_client.errors import ClientError

    async def run() -> tuple[float, int]:
        async with asyncio.timeout(seconds + ALLOWED_SILENCE_S):
            return await _run_job(call.config.sidecar, view, seconds)

    try:
        return asyncio.run(run())
    except (ClientError, TimeoutError):
        return 0.0, 0


async def _run_job(target: str, view: View, seconds: int) -> tuple[float, int]:
    """A job with a seed of its own, timed from its first batch, so that drawing the weights does not count."""
    from chain_client.effects import RunJob
    from chain_client.sidecar_stub import SidecarStub

    work = replace(view.work, sprint_seed=secrets.token_bytes(32))
    job = RunJob(epoch=0, job_id=f"rehearsal-{secrets.token_hex(8)}", work=work, run_ms=seconds * 1000)
    first: tuple[float, int] | None = None
    last, found = (0.0, 0), 0
    async with SidecarStub.open(target, _now_ms) as sidecar:
        deadline_ms = _now_ms() + (seconds + ALLOWED_SILENCE_S) * 1000
        async for batch in sidecar.run_job(job, view.me, after_number=0, deadline_ms=deadline_ms):
            found += len(batch.proofs)
            last = (time.monotonic(), batch.evaluated)
            if first is None and batch.evaluated:
                first = last
            if first is not None and last[0] - first[0] >= seconds:
                break
        await sidecar.stop(job.job_id)
    if first is None or last[0] <= first[0]:
        return 0.0, found
    return (last[1] - first[1]) / (last[0] - first[0]), found


def check_account(view: View, forecast: Forecast) -> list[Check]:
    """Whether the account may sprint, can pay the bond, and backs all the units that the forecast expects."""
    host, sprint, stake = view.registration, view.rules.sprint, view.rules.stake
    staked = host.stake_ngonka if host else 0
    needed = (forecast.units - forecast.units * stake.base_ratio_ppm // 10**6) * stake.stake_per_unit_ngonka
    bond = sprint.claim_bond_ngonka
    return [
        Check(
            name="joined",
            passed=host is not None and not host.left_epoch,
            detail=f"a host since epoch {host.registered_epoch}" if host else "`gnk host join` registers it",
        ),
        Check(
            name="claim bond",
            passed=view.balance_ngonka >= bond or staked >= bond,
            detail=f"{format_gnk(bond)} from balance or stake",
        ),
        Check(
            name="stake",
            passed=staked >= needed,
            detail=f"{format_gnk(needed)} back all {forecast.units} units; staked are {format_gnk(staked)}",
        ),
    ]


def check_speed(view: View, rate: float, found: int, forecast: Forecast) -> Check:
    """Whether the hits expected stand clear of chance; `rate` is in nonces a second, 0 where the sidecar was silent."""
    if rate <= 0:
        return Check(name="proofs", passed=False, detail="the sidecar made none")
    detail = f"{found} hits in the rehearsal, one in {view.rules.sprint.threshold.one_in} expected"
    return Check(name="proofs", passed=forecast.hits > forecast.hits_spread, detail=detail)


def suppose_joined(view: View) -> View:
    """The view of a host whose stake is its own, or of one that has yet to join with all its balance at stake."""
    from chain_client.view import Registration

    if view.registration is not None:
        return view
    hopeful = Registration(
        registered_epoch=view.clock.epoch,
        left_epoch=0,
        jailed_until_epoch=0,
        stake_ngonka=view.balance_ngonka,
        consensus_pubkey=b"",
        down=False,
    )
    return replace(view, registration=hopeful)


def _read_minted(call: Call, view: View) -> int:
    """What the last settled epoch minted; 0 before the first."""
    from chain_client.errors import ClientError

    settled = find_settled_epoch(view)
    if settled < 1:
        return 0
    try:
        return int(read_summary(call, settled).minted_ngonka)
    except ClientError as error:
        if error.code != "not_found":
            raise
        return 0


def _now_ms() -> int:
    return time.time_ns() // 10**6

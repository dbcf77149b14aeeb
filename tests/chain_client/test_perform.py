"""Hosts live through epochs on a simulated disk and network, and die before and after every write and every send."""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

import pytest

from rules.types import Phase, Proof, Verdict
from tests.chain_client.simulation import HITS_A_BLOCK, Fuse, SimHost, World, open_world
from wire.gonka.sprint.v1.sprint_pb2 import Outcome

CLAIMED = 5 * HITS_A_BLOCK
"""Of six blocks of Sprint, those before the last block of CLAIM, in which the last claim has to be."""
PARTS = 8


def run(story: Callable[[World], Coroutine[Any, Any, Any]]) -> Any:
    async def told() -> Any:
        async with open_world() as world:
            return await story(world)

    return asyncio.run(told())


def lie(proof: Proof) -> Proof:
    return replace(proof, tag=bytes(8)) if proof.nonce % 3 == 0 else proof


def check_spotless(world: World, host: SimHost, outcome: Outcome) -> None:
    """Nothing lost, nothing twice, nothing missed."""
    assert outcome.verdict == Verdict.ACCEPTED
    assert outcome.claimed == CLAIMED
    assert (outcome.wrong_rows, list(outcome.missed), host.journal().read_misses()) == (0, [], ())
    applied = world.applied(host)
    assert max(applied.values()) == 1, applied
    assert not [what for what in applied if what[0] == "failed"]


async def live_an_epoch(world: World) -> Outcome:
    """Epoch 1, with one liar so that there are disputes, up to where the next epoch's secrets are committed."""
    ann, bob, liar = world.hosts
    liar.sidecar.lie = lie
    await world.run_to(1, Phase.SERVE)
    outcome = await world.outcome(1, ann)
    check_spotless(world, ann, outcome)
    check_spotless(world, bob, await world.outcome(1, bob))
    assert (await world.outcome(1, liar)).verdict == Verdict.REJECTED
    await world.make_block()
    await world.make_block()
    assert (await ann.view()).done.seeds_next
    return outcome


def count_moments() -> Fuse:
    async def story(world: World) -> Fuse:
        fuse = Fuse()
        world.hosts[0].set_fuse(fuse)
        await live_an_epoch(world)
        return fuse

    return run(story)


def test_a_host_without_accidents_does_all_its_duties() -> None:
    kinds = Counter(count_moments().log)
    assert kinds["before a send"] == kinds["after a send"] >= 11  # seeds, 2 reveals, 3 claims, leaves, rows, disputes
    assert kinds["before a write"] == kinds["after a write"] >= 40


@pytest.mark.parametrize("part", range(PARTS))
def test_a_host_that_dies_at_any_write_or_send_and_is_started_again_loses_and_repeats_nothing(part: int) -> None:
    moments = count_moments().log
    for at in range(part, len(moments), PARTS):

        async def story(world: World, at: int = at) -> None:
            fuse = Fuse(at)
            world.hosts[0].set_fuse(fuse)
            await live_an_epoch(world)
            assert world.hosts[0].deaths == 1, f"{at} was never reached"

        try:
            run(story)
        except BaseException as error:
            error.add_note(f"died at moment {at}, {moments[at]}")
            raise


@pytest.mark.parametrize("every", [3, 7, 11])
def test_a_host_that_dies_again_and_again_loses_and_repeats_nothing(every: int) -> None:
    async def story(world: World) -> None:
        ann = world.hosts[0]
        ann.set_fuse(Fuse(every))
        deaths = 0
        while (await ann.view()).clock.phase is not Phase.SERVE:
            await world.make_block()
            if ann.deaths > deaths:
                deaths = ann.deaths
                ann.set_fuse(Fuse(every))
        check_spotless(world, ann, await world.outcome(1, ann))
        assert deaths > 5

    run(story)


def test_hosts_that_all_die_again_and_again_lose_and_repeat_nothing() -> None:
    async def story(world: World) -> None:
        deaths = dict.fromkeys(world.hosts, 0)
        for nth, host in enumerate(world.hosts):
            host.set_fuse(Fuse(4 + nth))
        while (await world.hosts[0].view()).clock.phase is not Phase.SERVE:
            await world.make_block()
            for nth, host in enumerate(world.hosts):
                if host.deaths > deaths[host]:
                    deaths[host] = host.deaths
                    host.set_fuse(Fuse(4 + nth))
        for host in world.hosts:
            check_spotless(world, host, await world.outcome(1, host))
        assert min(deaths.values()) > 5

    run(story)


DOWN = [
    (Phase.GENESIS, Phase.SEED, {"secret for the Sprint's seed not revealed"}, "in SEED"),
    (
        Phase.GENESIS,
        Phase.SERVE,
        {"no claim", "no vote", "secret for the Sprint's", "secret for the sample's"},
        "always",
    ),
    (Phase.SPRINT, Phase.CLAIM, {"no claim"}, "in CLAIM"),
    (Phase.CLAIM, Phase.BEACON2, {"secret for the sample's seed not revealed"}, "in BEACON2"),
    (Phase.BEACON2, Phase.REVEAL, {"leaves of the claim not revealed"}, "in REVEAL"),
    (Phase.REVEAL, Phase.ROWS_COMMIT, {"no row on the claim of "}, "while rows are committed"),
    (Phase.ROWS_COMMIT, Phase.ROWS_REVEAL, {"no row on the claim of "}, "while rows are revealed"),
    (Phase.ROWS_REVEAL, Phase.DISPUTE_COMMIT, {"no vote on the open disputes"}, "while votes are committed"),
    (Phase.DISPUTE_COMMIT, Phase.DISPUTE_REVEAL, {"no vote on the open disputes"}, "while votes are revealed"),
]


@pytest.mark.parametrize(("before", "window", "missed", "_when"), DOWN, ids=[when for *_, when in DOWN])
def test_a_host_that_was_down_lists_what_it_missed(before: Phase, window: Phase, missed: set[str], _when: str) -> None:
    async def story(world: World) -> None:
        ann, watcher, liar = world.hosts
        liar.sidecar.lie = lie
        clock = (await world.run_to(min(before - 1, 1), before)).clock
        for _ in range(clock.blocks_left - 1):
            await world.make_block()
        world.restarts = False
        await ann.die()
        while (clock.epoch, clock.phase) <= (1, window):
            await world.make_block()
            clock = (await watcher.view()).clock
        ann.start()
        await world.settle()
        await world.run_to(2, Phase.SEED)
        listed = ann.journal().read_misses()
        assert {(epoch, cause) for epoch, _, cause in listed} == {(1, "the host was down")}
        for start in missed:
            assert [what for _, what, _ in listed if what.startswith(start)], listed
        assert all(what.startswith((*missed, "no row")) for _, what, _ in listed), listed

    run(story)


def test_a_sidecar_that_is_gone_is_named_as_the_cause_of_rows_that_were_missed() -> None:
    async def story(world: World) -> None:
        ann = world.hosts[0]
        await world.run_to(1, Phase.REVEAL)
        ann.sidecar.is_up = False
        await world.run_to(1, Phase.DISPUTE_COMMIT)
        ann.sidecar.is_up = True
        await world.run_to(1, Phase.SERVE)
        await world.make_block()
        listed = {what.split(" of ")[0]: cause for _, what, cause in ann.journal().read_misses()}
        assert listed == {"no row on the claim": "sidecar_unreachable: simulated"}

    run(story)


def test_a_sidecar_that_is_gone_for_a_while_costs_only_its_time() -> None:
    async def story(world: World) -> None:
        ann = world.hosts[0]
        await world.run_to(1, Phase.SPRINT)
        await world.make_block()
        ann.sidecar.is_up = False
        await world.make_block()
        ann.sidecar.is_up = True
        await world.run_to(1, Phase.SERVE)
        outcome = await world.outcome(1, ann)
        assert (outcome.verdict, outcome.claimed) == (Verdict.ACCEPTED, CLAIMED - HITS_A_BLOCK)

    run(story)


def test_a_chain_that_is_gone_for_a_block_costs_nothing() -> None:
    async def story(world: World) -> None:
        ann = world.hosts[0]
        for phase in (Phase.SPRINT, Phase.ROWS_COMMIT):
            await world.run_to(1, phase)
            ann.ledger.is_up = False
            await world.make_block()
            ann.ledger.is_up = True
        await world.run_to(1, Phase.SERVE)
        check_spotless(world, ann, await world.outcome(1, ann))

    run(story)


def test_a_full_disk_stops_sending_and_a_disk_with_room_again_goes_on() -> None:
    async def story(world: World) -> None:
        ann = world.hosts[0]
        await world.run_to(1, Phase.CLAIM)
        ann.disk.is_full = True
        await world.make_block()  # takes what was sent before
        before = sum(world.applied(ann).values())
        await world.make_block()
        assert sum(world.applied(ann).values()) == before
        ann.disk.is_full = False
        await world.run_to(1, Phase.SERVE)
        outcome = await world.outcome(1, ann)
        assert (outcome.verdict, list(outcome.missed)) == (Verdict.ACCEPTED, [])
        assert max(world.applied(ann).values()) == 1

    run(story)


def test_a_sidecar_that_lost_its_journal_loses_none_of_the_proofs_that_were_given() -> None:
    async def story(world: World) -> None:
        ann = world.hosts[0]
        await world.run_to(1, Phase.SPRINT)
        await world.make_block()
        await world.make_block()
        kept = ann.journal().count_proofs(1)
        ann.sidecar.jobs.clear()
        await ann.die()
        await world.run_to(1, Phase.SERVE)
        assert kept == 2 * HITS_A_BLOCK
        outcome = await world.outcome(1, ann)
        assert (outcome.verdict, outcome.claimed >= kept) == (Verdict.ACCEPTED, True)

    run(story)


def test_old_epochs_are_forgotten() -> None:
    async def story(world: World) -> None:
        ann = world.hosts[0]
        await world.run_to(5, Phase.SERVE)
        await world.make_block()
        journal = ann.journal()
        assert [bool(journal.count_proofs(epoch)) for epoch in range(1, 6)] == [False, False, True, True, True]
        assert [journal.read_outcome(epoch) is not None for epoch in range(1, 6)] == [True] * 5

    run(story)

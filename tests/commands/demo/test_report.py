"""The demo fails when anything it is to show did not happen."""

from dataclasses import replace

import pytest

from commands.demo.report import Facts, HostFacts, ProposalFacts, describe, find_failures, render_report

HOST = HostFacts(
    address="gonka1aaaa", claimed=60, sampled=60, mismatched=0, verdict="ACCEPTED", units=6000, stake_ngonka=10**11,
    slashed_ngonka=0, reward_ngonka=10**10, reward_pending_ngonka=10**10, killed=False, cheated=False, vote="no",
)  # fmt: skip
KILLED = replace(HOST, address="gonka1bbbb", killed=True, vote="yes")
CHEAT = replace(
    HOST, address="gonka1cccc", cheated=True, vote="yes", verdict="REJECTED", units=0, mismatched=20,
    stake_ngonka=79 * 10**9, slashed_ngonka=20 * 10**9,
)  # fmt: skip
GOOD = Facts(
    hosts=(HOST, KILLED, CHEAT),
    proposal=ProposalFacts(
        id=1,
        status="passed",
        tally={"yes": 12000, "no": 6000, "abstain": 0, "no_with_veto": 0},
        param_before=2,
        param_after=3,
    ),
    epochs=3,
    useful_share=0.51,
    duration_s=88.04,
    first_verdicts=("ACCEPTED",) * 3,
    missed=(),
    proofs_at_kill=12,
    killed_txs=(("MsgClaim 2", 0), ("MsgClaim 2", 0), ("MsgRevealSeed 2 0", 0), ("MsgRevealSeed 2 1", 0)),
    repeated_txs=(),
)


def test_find_failures__all_as_it_must_be__finds_none() -> None:
    assert find_failures(GOOD) == []


@pytest.mark.parametrize(
    ("broken", "named"),
    [
        (replace(GOOD, hosts=(HOST, KILLED, replace(CHEAT, verdict="ACCEPTED", units=6000))), "REJECTED"),
        (replace(GOOD, hosts=(HOST, KILLED, replace(CHEAT, slashed_ngonka=0))), "slashed"),
        (replace(GOOD, hosts=(replace(HOST, verdict="UNDECIDED"), KILLED, CHEAT)), "honest claims"),
        (replace(GOOD, hosts=(HOST, replace(KILLED, claimed=11), CHEAT)), "on disk"),
        (replace(GOOD, proofs_at_kill=0), "on disk"),
        (replace(GOOD, killed_txs=(("MsgRevealLeaves", 0), ("MsgRevealLeaves", 0))), "once"),
        (replace(GOOD, killed_txs=(("MsgRevealLeaves", 310),)), "fails"),
        (replace(GOOD, repeated_txs=("AB",)), "two blocks"),
        (replace(GOOD, missed=("rows",)), "missed"),
        (replace(GOOD, first_verdicts=("ACCEPTED", "ACCEPTED", "UNDECIDED")), "epoch 1"),
        (replace(GOOD, proposal=replace(GOOD.proposal, status="rejected")), "proposal"),
        (replace(GOOD, proposal=replace(GOOD.proposal, param_after=2)), "change"),
        (replace(GOOD, hosts=(replace(HOST, reward_ngonka=0), KILLED, CHEAT)), "reward"),
    ],
)
def test_find_failures__one_thing_wrong__is_named(broken: Facts, named: str) -> None:
    assert any(named in line for line in find_failures(broken))


def test_describe__has_the_keys_that_scripts_rely_on() -> None:
    told = describe(GOOD)
    assert set(told) == {"hosts", "proposal", "epochs", "useful_share", "duration_s"}
    assert told["duration_s"] == 88.0


def test_render_report__fits_80_columns_and_says_that_the_cheat_was_paid_for_epoch_1() -> None:
    text = render_report(GOOD)
    assert max(map(len, text.splitlines())) <= 80
    assert "REJECTED" in text
    assert "paid too" in " ".join(text.split())

"""What the honest host does, as tables: the view, the journal, and what is planned."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chain_client.duties import HOST_WAS_DOWN, JournalView, SecretName, is_sprinting, name_job, plan
from chain_client.effects import CheckDeals, Duty, Effect, FollowUp, Judge, Note, Review, RunJob, Send, StopJob, Verify
from chain_client.view import Dealing, Done, View
from rules.params import THRESHOLD_BLS
from rules.types import Phase
from tests.chain_client.views import BOB, CAT, ME, SPRINT_SEED, make_claim, make_leaf, make_view

GROUP = Dealing(
    deal_first=1001 + 69,
    deal_last=1001 + 73,
    complaint_last=1001 + 74,
    beacon_key=b"mine",
    slot_keys=(b"mine", b"bobs"),
    members=frozenset({ME, BOB}),
)
"""A dealing in SERVE, whose first block is the 70th of the epoch."""
VALIDATOR = JournalView(reviewed=3, beacon_key=b"mine")
REVIEWED = JournalView(reviewed=3)
SECRETS = replace(REVIEWED, secrets=frozenset((3, name) for name in SecretName))
MINE = make_claim(ME)
OTHERS = (make_claim(BOB, revealed=True), make_claim(CAT, revealed=True))
SEEDS = Done(seeds=True)


def view_of(phase: Phase, block: int = 0, **changes: object) -> View:
    return make_view(phase, block, **changes)


def hosted(view: View, **changes: object) -> View:
    assert view.registration is not None
    return replace(view, registration=replace(view.registration, **changes))  # type: ignore[arg-type]


SENDS = [
    # view, journal, duty or None, why
    (view_of(Phase.SERVE), REVIEWED, Duty.COMMIT_SEEDS, "SERVE opens: secrets for the next epoch"),
    (view_of(Phase.GENESIS, 1), REVIEWED, Duty.COMMIT_SEEDS, "epoch 0, staked"),
    (
        view_of(Phase.GENESIS),
        REVIEWED,
        None,
        "a long window opens: nodes that are a block behind would refuse",
    ),
    (view_of(Phase.SERVE, done=Done(seeds_next=True)), REVIEWED, None, "committed already"),
    (view_of(Phase.SERVE, table={BOB: 1}), REVIEWED, None, "not among the committers"),
    (view_of(Phase.SETTLE), REVIEWED, None, "SETTLE asks for nothing"),
    (view_of(Phase.SEED, done=SEEDS), SECRETS, Duty.REVEAL_SPRINT_SEED, "the first round opens"),
    (view_of(Phase.SEED, done=Done(seeds=True, sprint_seed=True)), SECRETS, None, "revealed already"),
    (view_of(Phase.BEACON2, done=SEEDS), SECRETS, Duty.REVEAL_SAMPLE_SEED, "the second round opens"),
    (view_of(Phase.BEACON2), SECRETS, None, "nothing was committed"),
    (view_of(Phase.SPRINT), replace(REVIEWED, proofs=60), None, "no claim before CLAIM"),
    (view_of(Phase.CLAIM), replace(REVIEWED, proofs=60), Duty.CLAIM, "CLAIM opens"),
    (view_of(Phase.CLAIM, 1, claims=(MINE,)), replace(REVIEWED, proofs=60), None, "nothing new"),
    (view_of(Phase.CLAIM, 1, claims=(MINE,)), replace(REVIEWED, proofs=61), Duty.CLAIM, "7 updates for 7 blocks"),
    (
        view_of(Phase.CLAIM, 1, claims=(replace(MINE, updates=3),)),
        replace(REVIEWED, proofs=99),
        None,
        "5 updates are kept for the last 5 blocks",
    ),
    (view_of(Phase.CLAIM, 3, claims=(replace(MINE, updates=3),)), replace(REVIEWED, proofs=99), Duty.CLAIM, "now"),
    (view_of(Phase.CLAIM, -1, claims=(replace(MINE, updates=8),)), replace(REVIEWED, proofs=99), None, "none are left"),
    (view_of(Phase.CLAIM, -1, claims=(make_claim(ME, 1000),)), replace(REVIEWED, proofs=1009), None, "below 1 %"),
    (view_of(Phase.CLAIM, -1, claims=(make_claim(ME, 1000),)), replace(REVIEWED, proofs=1010), Duty.CLAIM, "1 %"),
    (
        view_of(Phase.REVEAL, claims=(MINE,)),
        replace(REVIEWED, roots=frozenset({MINE.claim.root})),
        Duty.REVEAL_LEAVES,
        "REVEAL opens",
    ),
    (view_of(Phase.REVEAL), REVIEWED, None, "nothing was claimed"),
    (view_of(Phase.REVEAL, claims=(replace(MINE, revealed=True),)), REVIEWED, None, "revealed already"),
    (
        view_of(Phase.ROWS_COMMIT, claims=OTHERS),
        replace(REVIEWED, rows=frozenset({BOB, CAT})),
        Duty.COMMIT_ROWS,
        "all is recomputed",
    ),
    (view_of(Phase.ROWS_COMMIT, claims=OTHERS), replace(REVIEWED, rows=frozenset({BOB})), None, "one is not"),
    (view_of(Phase.ROWS_COMMIT, claims=(make_claim(BOB),)), REVIEWED, None, "nobody revealed"),
    (view_of(Phase.ROWS_COMMIT, claims=(make_claim(BOB, revealed=True, void=True),)), REVIEWED, None, "void"),
    (view_of(Phase.ROWS_REVEAL, done=Done(rows=True)), SECRETS, Duty.REVEAL_ROWS, "rows were committed"),
    (view_of(Phase.ROWS_REVEAL), SECRETS, None, "they were not"),
    (
        view_of(Phase.DISPUTE_COMMIT, disputes=(make_leaf(BOB), make_leaf(ME))),
        replace(REVIEWED, bits=frozenset({(BOB, 5)})),
        Duty.COMMIT_DISPUTE,
        "its own claim's dispute is not its to judge",
    ),
    (view_of(Phase.DISPUTE_COMMIT, disputes=(make_leaf(ME),)), REVIEWED, None, "only its own"),
    (view_of(Phase.DISPUTE_COMMIT, disputes=(make_leaf(BOB),), table={BOB: 1}), REVIEWED, None, "no juror"),
    (view_of(Phase.DISPUTE_REVEAL, done=Done(dispute=True)), SECRETS, Duty.REVEAL_DISPUTE, "bits were committed"),
    (hosted(view_of(Phase.SPRINT), down=True), REVIEWED, Duty.REGISTER, "down: say that it is back"),
    (hosted(view_of(Phase.SPRINT), down=True, left_epoch=9), REVIEWED, None, "it is leaving"),
]


@pytest.mark.parametrize(("view", "journal", "duty", "_why"), SENDS, ids=[why for *_, why in SENDS])
def test_plan__one_situation__sends(view: View, journal: JournalView, duty: Duty | None, _why: str) -> None:
    sends = [effect for effect in plan(view, journal) if isinstance(effect, Send)]
    assert [send.duty for send in sends] == ([] if duty is None else [duty])
    for send in sends:
        is_next = duty is Duty.COMMIT_SEEDS
        assert send.epoch == view.clock.epoch + is_next
        assert send.last_height == (view.clock.epoch_last if duty is Duty.REGISTER else view.clock.phase_last)


@pytest.mark.parametrize(("view", "journal", "_duty", "_why"), SENDS, ids=[why for *_, why in SENDS])
def test_plan__a_transaction_without_outcome__sends_no_other(
    view: View, journal: JournalView, _duty: Duty | None, _why: str
) -> None:
    effects = plan(view, replace(journal, unsettled=True))
    assert FollowUp() in effects
    assert not [effect for effect in effects if isinstance(effect, Send)]


NOTES = [
    (hosted(view_of(Phase.SERVE), stake_ngonka=1), REVIEWED, Duty.COMMIT_SEEDS, 4, "the stake is below the seed bond"),
    (view_of(Phase.SEED), REVIEWED, Duty.COMMIT_SEEDS, 3, HOST_WAS_DOWN),
    (view_of(Phase.SETTLE), REVIEWED, Duty.COMMIT_SEEDS, 3, HOST_WAS_DOWN),
    (view_of(Phase.SEED, done=SEEDS), REVIEWED, Duty.REVEAL_SPRINT_SEED, 3, "the sprint_seed is not in this journal"),
    (view_of(Phase.CLAIM), REVIEWED, Duty.CLAIM, 3, "no proof has been found yet"),
    (
        view_of(Phase.REVEAL, claims=(MINE,)),
        REVIEWED,
        Duty.REVEAL_LEAVES,
        3,
        "the proofs of this claim are not in this journal",
    ),
    (view_of(Phase.ROWS_COMMIT, claims=OTHERS), REVIEWED, Duty.COMMIT_ROWS, 3, "2 of 2 claims are not recomputed yet"),
    (
        view_of(Phase.DISPUTE_COMMIT, disputes=(make_leaf(BOB),)),
        REVIEWED,
        Duty.COMMIT_DISPUTE,
        3,
        "1 of 1 disputes are not recomputed yet",
    ),
]


@pytest.mark.parametrize(("view", "journal", "duty", "epoch", "words"), NOTES, ids=[note[-1] for note in NOTES])
def test_plan__something_in_the_way__notes_it(
    view: View, journal: JournalView, duty: Duty, epoch: int, words: str
) -> None:
    assert Note(duty=duty, epoch=epoch, obstacle=words) in plan(view, journal)


def kinds(effects: tuple[Effect, ...], kind: type) -> list[Effect]:
    return [effect for effect in effects if isinstance(effect, kind)]


@pytest.mark.parametrize(
    ("phase", "runs"), [(Phase.SEED, 0), (Phase.SPRINT, 1), (Phase.CLAIM, 1), (Phase.BEACON2, 0), (Phase.SERVE, 0)]
)
def test_plan__phases__runs_the_job_in_sprint_and_claim(phase: Phase, runs: int) -> None:
    jobs = kinds(plan(make_view(phase), REVIEWED), RunJob)
    assert len(jobs) == runs
    for job in jobs:
        assert isinstance(job, RunJob)
        assert (job.job_id, job.work.sprint_seed, job.work.profile) == ("test-chain-1-3", SPRINT_SEED, "dev")
        assert job.run_ms >= 8 * 500


STRANGERS = [
    (hosted(view_of(Phase.SPRINT), registered_epoch=3), "registered in this epoch"),
    (hosted(view_of(Phase.SPRINT), left_epoch=3), "left"),
    (hosted(view_of(Phase.SPRINT), jailed_until_epoch=4), "jailed"),
    (replace(view_of(Phase.SPRINT), registration=None), "no host"),
]


@pytest.mark.parametrize(("view", "_why"), STRANGERS, ids=[why for _, why in STRANGERS])
def test_plan__not_sprinting__runs_no_job_and_claims_nothing(view: View, _why: str) -> None:
    assert not is_sprinting(view)
    assert not kinds(plan(view, replace(REVIEWED, proofs=5)), RunJob)
    claiming = replace(view, clock=make_view(Phase.CLAIM).clock)
    assert not kinds(plan(claiming, replace(REVIEWED, proofs=5)), Send)


def test_plan__host_that_leaves_next_epoch__still_sprints() -> None:
    assert is_sprinting(hosted(view_of(Phase.SPRINT), left_epoch=4))


@pytest.mark.parametrize(("phase", "stops"), [(Phase.CLAIM, [2]), (Phase.BEACON2, [2, 3]), (Phase.SERVE, [2, 3])])
def test_plan__jobs_begun__stops_those_whose_claims_are_closed(phase: Phase, stops: list[int]) -> None:
    effects = plan(make_view(phase), replace(REVIEWED, jobs=frozenset({2, 3})))
    assert [effect.epoch for effect in effects if isinstance(effect, StopJob)] == stops


@pytest.mark.parametrize(
    ("phase", "claimants"),
    [(Phase.REVEAL, [BOB, CAT]), (Phase.ROWS_COMMIT, [BOB, CAT]), (Phase.ROWS_REVEAL, [])],
)
def test_plan__revealed_claims__are_recomputed_as_soon_as_they_are_there(phase: Phase, claimants: list[bytes]) -> None:
    checks = kinds(plan(make_view(phase, claims=(*OTHERS, MINE)), REVIEWED), Verify)
    assert [check.claimant for check in checks if isinstance(check, Verify)] == claimants
    for check in checks:
        assert isinstance(check, Verify)
        assert check.positions == tuple(range(60))
        assert check.stop_after == 3


def test_plan__disputes__are_recomputed_claim_by_claim_and_once() -> None:
    leaves = (make_leaf(CAT, 1), make_leaf(BOB, 9), make_leaf(BOB, 7), make_leaf(ME, 1))
    view = make_view(Phase.DISPUTE_COMMIT, disputes=leaves)
    judged = kinds(plan(view, replace(REVIEWED, bits=frozenset({(BOB, 9)}))), Judge)
    assert [effect.leaves for effect in judged if isinstance(effect, Judge)] == [
        (make_leaf(BOB, 7),),
        (make_leaf(CAT, 1),),
    ]


@pytest.mark.parametrize(
    ("phase", "reviewed", "epoch"),
    [(Phase.SERVE, 2, 3), (Phase.SERVE, 3, None), (Phase.SEED, 1, 2), (Phase.SEED, 2, None), (Phase.SETTLE, 2, None)],
)
def test_plan__settled_epochs__are_reviewed_in_order(phase: Phase, reviewed: int, epoch: int | None) -> None:
    reviews = kinds(plan(make_view(phase), JournalView(reviewed=reviewed)), Review)
    assert reviews == ([] if epoch is None else [Review(epoch=epoch)])


def test_plan__down_for_longer_than_summaries_are_kept__begins_with_the_oldest_kept() -> None:
    view = make_view(Phase.SERVE)
    late = replace(view, clock=replace(view.clock, epoch=500))
    assert kinds(plan(late, JournalView(reviewed=7)), Review) == [Review(epoch=437)]


@given(st.text(min_size=1, max_size=50), st.integers(0, 2**63))
def test_name_job__any_chain_id__is_a_name_the_sidecar_takes(chain_id: str, epoch: int) -> None:
    name = name_job(chain_id, epoch)
    assert 0 < len(name) <= 64
    assert set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
    assert name.endswith(f"-{epoch}")


def dealing_view(block: int, **changes: object) -> View:
    """A validator in the `block`-th block of SERVE, where keys are dealt."""
    view = hosted(make_view(Phase.SERVE, block), consensus_pubkey=b"key")
    rules = replace(view.rules, beacon=replace(view.rules.beacon, kind=THRESHOLD_BLS))
    return replace(view, rules=rules, dealing=replace(GROUP, **changes))  # type: ignore[arg-type]


DEALT = frozenset({ME, BOB})
DEALS = [
    # view, journal, what, why
    (dealing_view(1), VALIDATOR, [Send(duty=Duty.DEAL, epoch=4, last_height=1074)], "a group has formed: deal"),
    (dealing_view(1, members=frozenset({BOB})), VALIDATOR, [], "it is no member"),
    (dealing_view(5), VALIDATOR, [], "the window has closed"),
    (
        dealing_view(2, dealers=DEALT),
        VALIDATOR,
        [CheckDeals(epoch=4, dealers=(ME, BOB))],
        "deals are in: open the shares",
    ),
    (dealing_view(2, dealers=DEALT, accused=DEALT), VALIDATOR, [], "others have shown them to be wrong"),
    (dealing_view(2, dealers=DEALT), replace(VALIDATOR, checked=DEALT), [], "all are checked"),
    (dealing_view(2, dealers=DEALT), REVIEWED, [], "it was given no secret to open them with"),
    (
        dealing_view(3, dealers=DEALT),
        replace(VALIDATOR, checked=DEALT, wrong=frozenset({BOB})),
        [Send(duty=Duty.COMPLAIN, epoch=4, last_height=1075)],
        "a share is wrong: complain",
    ),
    (
        dealing_view(3, dealers=DEALT, accused=frozenset({BOB})),
        replace(VALIDATOR, checked=DEALT, wrong=frozenset({BOB})),
        [],
        "somebody has complained already",
    ),
    (
        dealing_view(6, dealers=DEALT),
        replace(VALIDATOR, checked=DEALT, wrong=frozenset({BOB})),
        [],
        "no complaint is taken any more",
    ),
    (
        dealing_view(1, members=frozenset(), slot_keys=(), beacon_key=b"old"),
        VALIDATOR,
        [Send(duty=Duty.COMMIT_SEEDS, epoch=4, last_height=1076)],
        "no group has formed: secrets, first of all",
    ),
    (
        dealing_view(0, members=frozenset(), slot_keys=(), beacon_key=b""),
        VALIDATOR,
        [Send(duty=Duty.SET_BEACON_KEY, epoch=3, last_height=1076)],
        "its key is not registered",
    ),
    (
        dealing_view(0, members=frozenset(), slot_keys=(), beacon_key=b"mine"),
        VALIDATOR,
        [],
        "no group yet: neither secrets nor a deal",
    ),
    (
        dealing_view(5, dealers=DEALT, missing=True),
        replace(VALIDATOR, checked=DEALT),
        [Note(duty=Duty.DEAL, epoch=3, obstacle=HOST_WAS_DOWN)],
        "a miss",
    ),
]


@pytest.mark.parametrize(("view", "journal", "expected", "why"), DEALS, ids=[case[-1] for case in DEALS])
def test_plan__while_keys_are_dealt(view: View, journal: JournalView, expected: list[Effect], why: str) -> None:
    assert [effect for effect in plan(view, journal) if not isinstance(effect, RunJob)] == expected, why

"""What waits for a block, in which order, and what is refused."""

from collections.abc import Callable

import pytest

from chain.engine.application import CheckResult
from chain.engine.mempool import LaneLimits, Mempool, OpenLane
from rules.errors import CATALOGUE


def result(tx: bytes, code: int = 0) -> CheckResult:
    return CheckResult(code=code, codespace="", log="", gas_wanted=0, duty=tx.startswith(b"duty"))


def mempool(check: Callable[[bytes, bool], CheckResult] = lambda tx, recheck: result(tx), **changes: object) -> Mempool:
    limits = LaneLimits(max_txs=3, max_bytes=30)
    return Mempool(**{"check": check, "duties": limits, "others": limits, "max_tx_bytes": 20} | changes)  # type: ignore[arg-type]


def test_offer__both_lanes_filled__gives_duties_first_each_lane_in_order_of_arrival() -> None:
    pool = mempool()
    for tx in (b"a", b"duty1", b"b", b"duty2"):
        assert pool.submit(tx).code == 0
    assert pool.offer(100) == (b"duty1", b"duty2", b"a", b"b")


@pytest.mark.parametrize(
    ("max_bytes", "offered"), [(0, 0), (4, 0), (5, 1), (10, 2), (11, 3), (99, 4)], ids=lambda value: str(value)
)
def test_offer__a_limit_of_bytes__stops_before_the_first_that_is_too_much(max_bytes: int, offered: int) -> None:
    pool = mempool()
    for tx in (b"duty1", b"duty2", b"a", b"b"):
        pool.submit(tx)
    assert pool.offer(max_bytes) == (b"duty1", b"duty2", b"a", b"b")[:offered]


@pytest.mark.parametrize(
    ("waiting", "tx", "code"),
    [
        ([b"a"], b"a", "tx_duplicate"),
        ([], b"x" * 21, "tx_too_large"),
        ([b"a", b"b", b"c"], b"d", "mempool_full"),
        ([b"a" * 15, b"b" * 15], b"c", "mempool_full"),
        ([b"duty1", b"duty2", b"duty3"], b"duty4", "mempool_full"),
        ([b"a", b"b", b"c", b"duty1", b"duty2", b"duty3"], b"d", "mempool_full"),
    ],
    ids=["known", "too large", "lane full", "lane full of bytes", "duty lane full", "both full, not even checked"],
)
def test_submit__what_cannot_wait__is_refused_with_its_code(waiting: list[bytes], tx: bytes, code: str) -> None:
    pool = mempool()
    for known in waiting:
        assert pool.submit(known).code == 0
    refused = pool.submit(tx)
    assert refused.code == CATALOGUE[code].number
    assert refused.log.startswith(f"{code}: ")
    assert len(pool) == len(waiting)


def test_submit__the_open_lane_full__still_takes_duties() -> None:
    pool = mempool()
    for tx in (b"a", b"b", b"c"):
        pool.submit(tx)
    assert pool.submit(b"duty1").code == 0
    assert pool.offer(100)[0] == b"duty1"


def test_submit__refused_by_the_check__is_not_kept() -> None:
    pool = mempool(check=lambda tx, recheck: result(tx, code=7))
    assert pool.submit(b"a").code == 7
    assert len(pool) == 0


def test_update__after_a_block__lets_go_of_what_was_taken_and_what_passes_no_longer() -> None:
    pool = mempool(check=lambda tx, recheck: result(tx, code=1 if recheck and tx == b"b" else 0))
    for tx in (b"a", b"b", b"c"):
        pool.submit(tx)
    pool.update((b"a", b"never seen"))
    assert pool.offer(100) == (b"c",)
    assert pool.submit(b"a").code == 0


def test_update__a_duty_that_follows_on_another_transaction__is_checked_after_it() -> None:
    checked = []

    def check(tx: bytes, recheck: bool) -> CheckResult:
        checked.append((tx, recheck))
        return result(tx)

    pool = mempool(check=check)
    pool.submit(b"a 1")
    pool.submit(b"duty 2")
    pool.update(())
    assert checked[2:] == [(b"a 1", True), (b"duty 2", True)]


def test_open_lane__full_of_what_pays__still_lets_duties_pass_until_the_next_block() -> None:
    lane, full = OpenLane(LaneLimits(max_txs=2, max_bytes=30)), CATALOGUE["mempool_full"].number
    assert [lane.admit(tx, result(tx)).code for tx in (b"a", b"duty1", b"b", b"c", b"duty2")] == [0, 0, 0, full, 0]
    assert lane.admit(b"d", result(b"d", code=5)).code == 5
    lane.clear()
    assert [lane.admit(tx, result(tx)).code for tx in (bytes(31), b"a", bytes(29), bytes(30))] == [full, 0, 0, full]

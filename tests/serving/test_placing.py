"""Receipts that are shown on a real chain are placed once, whatever happens; one that cannot be is said so, once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from chain_client.cosmos import CosmosLedger
from chain_client.transactions import Fate, Outcome
from rules.evidence import ONE
from rules.receipts import SignedReceipt
from rules.vouchers import Tokens
from serving import placing
from serving.check_view import CHECKS
from serving.journal import Journal
from serving.metrics import Metrics
from serving.placing import TREES, Placer, Trees, keep_placing
from tests.chain.ledger import BOB, make_person
from tests.serving.market import (
    PARAMS,
    Developer,
    Market,
    poll,
    read_showings,
    submit,
)
from tests.serving.receipt_host import PowerCut, ReceiptHost, keep_answer, run_receipt_host
from wire.gonka.inference.v1 import check_pb2, inference_pb2, receipt_pb2
from wire.gonka.inference.v1.tx_pb2 import MsgSetServingKey
from wire.openai.errors import ApiError

SHORT = replace(PARAMS, sprint=replace(PARAMS.sprint, genesis_blocks=100, serve_blocks=20))
"""An epoch 0 of some seconds, and then short ones."""


@pytest.fixture
def host(tmp_path: Path) -> Iterator[ReceiptHost]:
    with run_receipt_host(tmp_path) as host:
        yield host


def settle_one(host: ReceiptHost) -> tuple[Developer, SignedReceipt]:
    """A voucher with one receipt that settled."""
    developer = host.open_escrow()
    (signed,) = host.answer(developer, [1])
    assert host.settle() == 1
    return developer, signed


def is_placed(host: ReceiptHost, developer: Developer) -> bool:
    (showing,) = asyncio.run(read_showings(host.market.chain, developer.terms.escrow_id))
    return bool(showing.placed)


@pytest.mark.parametrize(("count", "place"), [(1, 0), (2, 1), (5, 2)])
def test_attend__a_receipt_that_is_shown__is_placed_once(host: ReceiptHost, count: int, place: int) -> None:
    developer = host.open_escrow()
    signed = host.answer(developer, range(1, count + 1))
    assert host.settle() == 1
    host.show(signed[place])
    for _ in range(2):

        async def attend_twice(placer: Placer) -> None:
            await placer.attend()
            await placer.attend()

        host.play(attend_twice)
        assert is_placed(host, developer)
    assert len(set(host.line.broadcasts)) == 1


def test_attend__before_the_host_heard_that_its_voucher_settled__places_all_the_same(host: ReceiptHost) -> None:
    developer = host.open_escrow()
    (signed,) = host.answer(developer, [1])
    with host.open() as journal:
        batch = journal.plan_batch(developer.terms.escrow_id, 0)
        assert batch is not None
    host.settle_by_hand(developer, batch.root, batch.count)
    host.show(signed)
    host.attend()
    assert is_placed(host, developer)


def test_attend__when_the_plaintext_is_let_go__places_all_the_same(host: ReceiptHost) -> None:
    developer, signed = settle_one(host)
    host.show(signed)
    with host.open() as journal:
        journal.forget(4, ())
        assert journal.read_answers(developer.terms.escrow_id, 1) == ()
    host.attend()
    assert is_placed(host, developer)


@pytest.mark.parametrize("cuts", ["before", "after"])
def test_attend__a_restart_after_the_order_was_signed__sends_the_same_bytes_and_applies_once(
    host: ReceiptHost, cuts: str
) -> None:
    developer, signed = settle_one(host)
    host.show(signed)
    host.line.cuts = cuts
    with pytest.raises(PowerCut):
        host.attend()
    with host.open() as journal:
        (kept,) = journal.unsettled()
    host.line.cuts = ""
    for _ in range(2):
        host.attend()
        with host.open() as journal:
            assert journal.unsettled() == ()
            ended = journal.find(kept.order_id)
    assert is_placed(host, developer)
    assert isinstance(ended, Outcome)
    assert (ended.fate, ended.result.tx_hash) == (Fate.APPLIED, kept.tx_hash)
    assert set(host.line.broadcasts) == {kept.raw}


def test_attend__an_order_that_was_in_no_block_in_time__is_followed_by_another(
    host: ReceiptHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(placing, "LIFE_BLOCKS", 4)
    developer, signed = settle_one(host)
    host.show(signed)
    host.line.loses = True
    host.attend()
    assert is_placed(host, developer)
    orders = [f"place/{developer.terms.escrow_id}/1/0/{number}" for number in range(2)]
    with host.open() as journal:
        fates = [found.fate for found in map(journal.find, orders) if isinstance(found, Outcome)]
    assert fates == [Fate.EXPIRED, Fate.APPLIED]


def test_attend__one_that_cannot_be_placed__is_said_once_and_holds_up_no_other(host: ReceiptHost) -> None:
    """Of the first escrow the journal knows nothing, of the second something else; the voucher of the third settled
    without receipts, that of the fourth with another tree; the last can be placed.
    """
    developers = [host.open_escrow() for _ in range(5)]
    receipts = [host.answer(developer, [9])[0] for developer in developers]
    with host.open() as journal:
        assert journal.plan_batch(developers[3].terms.escrow_id, 0) is not None
    host.settle_by_hand(developers[2])
    host.settle_by_hand(developers[3], b"\5" * 32, 1)
    receipts[0] = replace(receipts[0], request=3)
    receipts[1] = replace(receipts[1], receipt=b"x" * 32)
    host.show(receipts[3])
    logs, metrics = attend_twice(host)
    assert [(line["code"], "another tree" in line["detail"]) for line in logs] == [("receipt_unplaceable", True)]
    assert host.settle() == 3
    for signed in (*receipts[:3], receipts[4]):
        host.show(signed)
    logs, metrics = attend_twice(host)
    ids = [developer.terms.escrow_id for developer in developers]
    assert [(line["log_level"], line["event"], line.get("code"), line["escrow_id"]) for line in logs] == [
        *[("error", "receipt_not_placed", "receipt_unplaceable", escrow_id) for escrow_id in ids[:4]],
        ("info", "receipt_placed", None, ids[4]),
    ], "a new process says all of it again"
    details = ["no receipt of the request", "for the request", "in no settled tree", "in no settled tree"]
    assert all(detail in line["detail"] for detail, line in zip(details, logs, strict=False))
    assert find_metric(metrics) == {"receipt_unplaceable": 4, "placed": 1}
    assert [is_placed(host, developer) for developer in developers] == [False] * 4 + [True]
    assert len(set(host.line.broadcasts)) == 1


def attend_twice(host: ReceiptHost) -> tuple[list[dict[str, object]], Metrics]:
    """What a process says, and counts, that looks twice."""

    async def scene(placer: Placer) -> Metrics:
        await placer.attend()
        await placer.attend()
        return placer.metrics

    with capture_logs() as logs:
        metrics = host.play(scene)
    ours = [line for line in logs if str(line["event"]).startswith("receipt_")]
    return [dict(line) for line in ours if line["log_level"] != "debug"], metrics


def find_metric(metrics: Metrics) -> dict[str, float]:
    (family,) = [family for family in metrics.registry.collect() if family.name == "gonka_serving_showings"]
    return {s.labels["outcome"]: s.value for s in family.samples if s.name.endswith("_total")}


def test_attend__what_the_chain_refuses__is_said_with_its_code_and_not_sent_again(host: ReceiptHost) -> None:
    """The host has named another serving key meanwhile."""
    developer, signed = settle_one(host)
    host.show(signed)
    other = MsgSetServingKey(host=BOB.text, serving_pubkey=make_person("other").public_key)
    asyncio.run(submit(host.market.chain, host.home / "bob", BOB, other))
    for _ in range(2):
        logs, _ = attend_twice(host)
        assert [line["code"] for line in logs] == ["unauthorized"], "once by each process"
    assert not is_placed(host, developer)
    assert len(set(host.line.broadcasts)) == 1


def test_attend__one_that_somebody_else_placed__is_done_with(host: ReceiptHost) -> None:
    """The account itself, from elsewhere, while the node that this process asks lags behind."""
    developer, signed = settle_one(host)
    host.show(signed)
    (showing,) = asyncio.run(read_showings(host.market.chain, developer.terms.escrow_id))
    found = host.play(lambda placer: placer.find_placing(showing))
    escrow_id = developer.terms.escrow_id
    message = receipt_pb2.MsgPlaceReceipt(sender=BOB.text, host=BOB.text, escrow_id=escrow_id, placing=found)
    asyncio.run(submit(host.market.chain, host.home / "bob", BOB, message))
    host.line.old_news = receipt_pb2.QueryShowingsResponse(showings=[showing])
    logs, metrics = attend_twice(host)
    assert [line["event"] for line in logs] == ["receipt_placed"]
    assert find_metric(metrics) == {"placed": 1}
    assert len(set(host.line.broadcasts)) == 1


def test_attend__one_that_was_left_out__counts_against_the_host_at_settle_and_one_placed_does_not(
    tmp_path: Path,
) -> None:
    with run_receipt_host(tmp_path, SHORT) as host:
        market = host.market
        placed, hung = settle_one(host)
        bare = host.open_escrow()
        (left_out,) = host.answer(bare, [1])
        host.settle_by_hand(bare)
        for shown in (hung, left_out):
            host.show(shown)
        logs, metrics = attend_twice(host)
        assert [line["event"] for line in logs] == ["receipt_placed", "receipt_not_placed"]
        assert find_metric(metrics) == {"receipt_unplaceable": 1, "placed": 1}
        ids = [developer.terms.escrow_id for developer in (placed, bare)]
        poll(lambda: not any(asyncio.run(read_showings(market.chain, escrow_id)) for escrow_id in ids))
        conduct = asyncio.run(read_conduct(market))
    assert int.from_bytes(conduct.wealth) > ONE, "a round in which nobody reports would have halved what was put in"
    assert conduct.rounds <= 2, "that of the receipt, and that of the lot with the other"


async def read_conduct(market: Market) -> check_pb2.Conduct:
    async with CosmosLedger.open(market.chain) as ledger:
        request = check_pb2.QueryConductRequest(host=BOB.text)
        (conduct,) = (await ledger.query(f"{CHECKS}/Conduct", request, check_pb2.QueryConductResponse)).conduct
        return conduct


def test_keep_placing__while_the_chain_cannot_be_asked__says_so_once_and_goes_on(host: ReceiptHost) -> None:
    developer, signed = settle_one(host)
    host.show(signed)
    host.line.is_deaf = True

    async def scene(placer: Placer) -> None:
        loop = asyncio.create_task(keep_placing(placer, 0.01))
        asked = host.line.queries
        async with asyncio.timeout(60):
            while host.line.queries < asked + 3:  # noqa: ASYNC110 - the loop's
                await asyncio.sleep(0.01)
            host.line.is_deaf = False
            while logs[-1]["event"] != "placing_works_again":  # noqa: ASYNC110 - the same
                await asyncio.sleep(0.01)
        loop.cancel()

    with capture_logs() as logs:
        host.play(scene)
    assert [line["event"] for line in logs] == ["placing_postponed", "receipt_placed", "placing_works_again"]
    assert is_placed(host, developer)


def settle_quietly(journal: Journal, serial: int) -> None:
    """A voucher settles, as far as the journal knows."""
    journal.keep_voucher(inference_pb2.Voucher(escrow_id=1, serial=serial), Tokens())
    batch = journal.plan_batch(1, 7)
    assert batch is not None
    journal.end_batch(batch, Fate.APPLIED, is_settled=True)


def test_place__of_more_trees_than_are_held__finds_each(host: ReceiptHost) -> None:
    with host.open() as journal:
        trees = Trees(journal)
        for serial in range(1, TREES + 3):
            for request in (2 * serial, 2 * serial + 1):
                keep_answer(journal, 1, request)
            settle_quietly(journal, serial)
        for turn in range(2):
            for request in range(2, 2 * TREES + 6):
                found = asyncio.run(trees.place(1, request))
                assert (found.position, len(found.siblings), list(found.splits)) == (request % 2, 1, [request | 1]), (
                    turn
                )


def test_place__before_its_voucher_settled_or_of_another_request__is_coded(host: ReceiptHost) -> None:
    with host.open() as journal:
        keep_answer(journal, 1, 1)
        journal.keep_voucher(inference_pb2.Voucher(escrow_id=1, serial=4), Tokens())
        assert journal.plan_batch(1, 7) is not None
        for escrow_id, request, code in (
            (1, 1, "receipt_not_settled"),
            (1, 2, "receipt_unknown"),
            (2, 1, "receipt_unknown"),
        ):
            with pytest.raises(ApiError, match=code):
                asyncio.run(Trees(journal).place(escrow_id, request))

"""Answers of a host are opened to others, who report; what most of them say is a bet, and a lost bet a verdict."""

import pytest

from chain.modules.inference import checks_state, state
from rules.evidence import WORST_PPM
from rules.params import MILLION
from rules.types import Host, Phase
from tests.chain.court import NULL, PARAMS, Court, all_say
from tests.chain.ledger import ANN, BOB, CAT
from tests.chain.network import STAKE
from wire.gonka.inference.v1.inference_pb2 import Policy
from wire.gonka.inference.v1.tx_pb2 import MsgOpenEscrowResponse, MsgSetOffer


def test_process_lots__what_was_settled_in_the_epoch_before__is_opened_whole_to_others_for_a_new_host() -> None:
    court = Court()
    court.network.play(Phase.SERVE)
    escrow_id = court.market.escrow()
    court.settle(escrow_id)
    court.settle(escrow_id, count=2)
    court.network.play(Phase.REVEAL)
    (lot,) = court.lots()
    assert (lot.escrow_id, lot.host, lot.model_id) == (escrow_id, ANN.text, court.market.model_id)
    assert [(s.serial, s.count, list(s.positions)) for s in lot.samples] == [(1, 3, [0, 1, 2]), (2, 2, [0, 1])]
    assert sum(seat.count for seat in lot.seats) == PARAMS.inference.answer_seats
    assert {seat.verifier for seat in lot.seats} <= {BOB.text, CAT.text}


def test_process_lots__nobody_inside_the_policy_may_verify__settles_unverified_and_says_so() -> None:
    court = Court()
    court.network.play(Phase.SERVE)
    response = court.network.send(court.market.request(policy=Policy(hosts=[ANN.text])))
    assert isinstance(response, MsgOpenEscrowResponse)
    court.settle(response.escrow_id)
    court.network.play(Phase.SERVE)
    assert court.lots() == []
    (event,) = court.network.named("answers_unverified")
    assert (event["host"], event["escrow_id"]) == (ANN.text, str(response.escrow_id))
    assert court.conduct().rounds == 0


def test_process_lots__a_policy_that_names_one_other_host__lets_that_host_judge_nobody() -> None:
    """Ann answers as she should; Bob's friend opens escrows for Ann and Bob alone, so that only Bob would verify."""
    court = Court()
    court.network.play(Phase.SERVE)
    policy = Policy(hosts=sorted([ANN.text, BOB.text]))
    response = court.network.send(court.market.request(policy=policy))
    assert isinstance(response, MsgOpenEscrowResponse)
    court.settle(response.escrow_id)
    court.judge({BOB.text: WORST_PPM})
    (event,) = court.network.named("answers_unverified")
    assert (event["host"], event["escrow_id"]) == (ANN.text, str(response.escrow_id))
    assert court.conduct().rounds == 0


def test_process_lots__a_policy_that_holds_most_who_serve__is_verified_inside_it() -> None:
    court = Court()
    court.network.play(Phase.SERVE)
    policy = Policy(hosts=sorted([ANN.text, BOB.text, CAT.text]))
    response = court.network.send(court.market.request(policy=policy))
    assert isinstance(response, MsgOpenEscrowResponse)
    court.settle(response.escrow_id)
    court.judge(all_say(0))
    assert (court.conduct().reputation, court.conduct().rounds) == (1, 1)


def test_process_lots__a_voucher_without_receipts__opens_nothing() -> None:
    court = Court()
    court.network.play(Phase.SERVE)
    court.settle(court.market.escrow(), count=0)
    court.network.play(Phase.REVEAL)
    assert court.lots() == []


def test_process_checks__good_answers__earn_reputation_and_lose_the_bet_against_them() -> None:
    court = Court()
    court.network.play(Phase.SERVE)
    for _ in range(2):
        court.settle(court.market.escrow())
    court.judge(all_say(NULL))
    conduct = court.conduct()
    assert (conduct.reputation, conduct.rounds, conduct.verdict_epoch) == (2, 2, 0)
    assert checks_state.read_wealth(conduct).amount < 2**64
    assert court.network.named("answers_condemned") == []


@pytest.mark.parametrize(
    ("says", "tokens", "why"),
    [({}, 100, "nobody reports"), (all_say(0), 0, "no tokens are no work"), (all_say(NULL + 1), 100, "not close")],
)
def test_process_checks__nothing_good_found__earns_nothing(says: dict[str, int], tokens: int, why: str) -> None:
    court = Court()
    court.network.play(Phase.SERVE)
    court.settle(court.market.escrow())
    court.judge(says, tokens)
    assert court.conduct().reputation == 0, why
    assert court.conduct().rounds == 1


def worst(court: Court, epochs: int, lots: int = 3) -> None:
    """Ann's answers are as far off as can be, for some epochs."""
    escrows = [court.market.escrow(deposit=PARAMS.inference.min_deposit_ngonka) for _ in range(lots)]
    for _ in range(epochs):
        for escrow_id in escrows:
            court.settle(escrow_id)
        court.judge(all_say(WORST_PPM))


def test_process_checks__the_worst_in_every_lot_of_two_epochs__is_no_verdict_but_in_a_third_it_is() -> None:
    court = Court()
    court.network.play(Phase.SERVE)
    court.settle(court.market.escrow())
    court.judge(all_say(0))
    assert court.conduct().reputation == 1
    worst(court, 2, lots=30)
    assert court.network.named("answers_condemned") == []
    before = court.network.record(ANN).stake_ngonka
    worst(court, 1)
    (event,) = court.network.named("answers_condemned")
    assert event["host"] == ANN.text
    conduct = court.conduct()
    assert (conduct.reputation, conduct.rounds) == (0, 0)
    assert conduct.verdict_epoch == court.network.epoch
    assert court.network.record(ANN).stake_ngonka == before * (MILLION - PARAMS.inference.answer_slash_ppm) // MILLION
    offer = state.get_offer(court.network.store, Host(ANN.address))
    assert offer is not None
    assert list(offer.model_ids) == []
    assert offer.serving_pubkey
    for person in (BOB, CAT):
        assert court.network.record(person).stake_ngonka == STAKE
        assert court.conduct(person).verdict_epoch == 0


def test_process_checks__one_verifier_of_two_lies__half_of_the_seats_is_not_enough() -> None:
    """Seats are drawn: what counts is what more than half of them say."""
    court = Court()
    court.network.play(Phase.SERVE)
    for _ in range(12):
        court.settle(court.market.escrow(deposit=PARAMS.inference.min_deposit_ngonka))
    court.judge({BOB.text: WORST_PPM, CAT.text: 0})
    checked = court.network.named("answers_checked")
    assert len(checked) == 12
    assert {event["distance_ppm"] for event in checked} == {"0", str(WORST_PPM)}


def test_condemned_host__offers_again__starts_anew_with_every_answer_checked() -> None:
    court = Court()
    court.network.play(Phase.SERVE)
    worst(court, 3)
    model = court.market.model_id
    court.network.send(MsgSetOffer(host=ANN.text, model_ids=[model], endpoint="https://host.example.org"))
    assert ANN.address in [*state.scan_offering(court.network.store, model)]
    assert court.conduct().reputation == 0
    court.network.play(Phase.SERVE)
    court.settle(court.market.escrow(), count=20)
    court.network.play(Phase.REVEAL)
    assert [len(sample.positions) for lot in court.lots() for sample in lot.samples] == [20]

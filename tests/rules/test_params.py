"""No change of the parameters may break what the rest relies on: each row breaks one invariant."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from rules.claims import build_tree, compute_reveal_bytes
from rules.errors import RuleError
from rules.params import ENVELOPE_BYTES, THRESHOLD_BLS, Params, Threshold
from rules.presets import LOCAL, PRESETS
from rules.types import Proof

BAD: list[tuple[str, dict[str, Any], str]] = [
    ("sprint", {"serve_blocks": 0}, "a phase without a block"),
    ("sprint", {"genesis_blocks": 2**24}, "a phase that never ends"),
    ("sprint", {"claim_blocks": 34}, "no time to prove before the claim"),
    ("beacon", {"kind": 3}, "a beacon of no kind"),
    ("beacon", {"reveal_blocks": 0}, "a round without a block"),
    ("beacon", {"max_committers": 0}, "a beacon of nobody"),
    ("sprint", {"reject_slash_ppm": 1_000_001}, "a slash of more than all"),
    ("stake", {"base_ratio_ppm": 1_000_001}, "more units without stake than there are"),
    ("gov", {"quorum_ppm": 1_000_001}, "a quorum nobody can reach"),
    ("gov", {"expedited_threshold_ppm": 500_000}, "haste that needs no more votes"),
    ("gov", {"threshold_ppm": 499_999}, "a minority that passes"),
    ("sprint", {"max_count": 0}, "no claim at all"),
    ("sprint", {"max_count": 2**40}, "units beyond 2^59"),
    ("sprint", {"unit_scale": 0}, "proofs that are worth nothing"),
    ("sprint", {"profile": "huge"}, "an unknown proof function"),
    ("sprint", {"threshold": Threshold(one_in=0, cos2_q64=1)}, "a rate of nothing"),
    ("sprint", {"threshold": Threshold(one_in=100, cos2_q64=2**64)}, "a bound that no u64 holds"),
    ("sprint", {"samples": 63}, "too few samples to catch a cheat"),
    ("sprint", {"seats": 0}, "nobody verifies"),
    ("sprint", {"slash_mismatches": 0}, "a slash for nothing"),
    ("sprint", {"slash_mismatches": 129}, "a slash that no sample can bring"),
    ("sprint", {"claim_updates": 0}, "no first claim"),
    ("sprint", {"absence_epochs": 0}, "an absence that is never remembered"),
    ("stake", {"unbonding_epochs": 0}, "stake that leaves before its verdict"),
    ("stake", {"stake_per_unit_ngonka": 0}, "a division by zero"),
    ("stake", {"max_validators": 0}, "an empty set of validators"),
    ("stake", {"newcomers_cap_ppm": 0}, "newcomers who get no power, sign no block, and so stay newcomers"),
    ("stake", {"downtime_window_blocks": 1}, "one late vote, and a validator is out: soon all but one are"),
    ("stake", {"downtime_window_blocks": 2**32 - 1}, "half a gigabyte written for each block missed"),
    ("rewards", {"decay_num": 101}, "a subsidy that grows"),
    ("rewards", {"decay_num": 0}, "a subsidy that ends at once"),
    ("gov", {"min_deposit_ngonka": 0}, "proposals for nothing"),
    ("gov", {"voting_blocks": 9}, "regular votes shorter than expedited ones"),
    ("gov", {"min_voting_epochs": 0}, "a vote within one epoch, by rented units"),
    ("auth", {"block_ms": 9}, "a hundred blocks a second"),
    ("auth", {"max_block_bytes": 2**27}, "blocks that no engine takes"),
    ("auth", {"max_signatures": 0}, "no signature at all"),
    ("auth", {"max_tx_bytes": 2**16}, "transactions too small for a reveal: every honest claim would stay unrevealed"),
    ("sprint", {"samples": 4096}, "reveals too large for a transaction"),
    ("auth", {"max_tx_bytes": 2**18}, "transactions too small for the rows of who sits on every claim"),
    ("sprint", {"seats": 200, "samples": 200}, "more disputes than a vote has room for"),
    ("auth", {"gas_per_byte": 2**32}, "gas that no block has: nobody could vote to take it back"),
    ("auth", {"max_block_gas": 1_000}, "blocks without gas for a transaction"),
    ("auth", {"min_fee_ngonka_per_kgas": 2**63}, "fees that nobody has: nobody could vote to take it back"),
    (
        "auth",
        {"gas_per_byte": 10**9, "max_block_gas": 2**63},
        "bytes so dear that nobody could propose to make them cheaper",
    ),
    ("gov", {"voting_blocks": 2**32 - 1}, "a vote of eight hundred years"),
    ("gov", {"max_deposit_blocks": 2**24}, "deposits that never return"),
    ("gov", {"min_voting_epochs": 2**31}, "a vote that outlasts everyone"),
    ("gov", {"expedited_min_deposit_ngonka": 2**63}, "a deposit of all there is"),
    ("gov", {"quorum_ppm": 1_000_000}, "a quorum that one silent host keeps from being reached"),
    ("gov", {"expedited_threshold_ppm": 1_000_000}, "a threshold that cannot be exceeded"),
    ("inference", {"group_size": 0}, "an escrow for nobody"),
    ("inference", {"group_size": 65}, "an escrow of too many parts"),
    ("inference", {"credit_tokens": 0}, "no credit, so no work"),
    ("inference", {"burn_ppm": 1_000_001}, "more burned than is paid"),
    ("inference", {"close_epochs": 0}, "a refund before the last vouchers"),
    ("inference", {"min_deposit_ngonka": 7}, "a reserve of nothing"),
    ("inference", {"min_price_ngonka": 0}, "work for nothing"),
    ("inference", {"min_price_ngonka": 2_000, "max_price_ngonka": 1_999}, "bounds that cross"),
    ("inference", {"max_price_ngonka": 2**41}, "a price that no u64 holds"),
    ("inference", {"min_price_ngonka": 19}, "a step that is rounded to none"),
    ("inference", {"target_volume_ppm": 0}, "a target of nothing"),
    ("inference", {"max_models": 0}, "no models"),
    ("inference", {"settles_per_epoch": 0}, "vouchers that never settle"),
    ("inference", {"answer_seats": 0}, "answers that nobody checks"),
    ("inference", {"answer_null_ppm": 0}, "a bet against everyone"),
    ("inference", {"answer_slash_ppm": 1_000_001}, "more than the whole stake"),
]


def change(module: str, changes: dict[str, Any]) -> Params:
    return replace(LOCAL, **{module: replace(getattr(LOCAL, module), **changes)})


@pytest.mark.parametrize(("module", "changes", "words"), BAD, ids=[words for *_, words in BAD])
def test_params__one_invariant_broken__are_refused(module: str, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(RuleError) as caught:
        change(module, changes)
    assert caught.value.code == "params_invalid"


@pytest.mark.parametrize("changes", [{"serve_blocks": 2}, {"genesis_blocks": 3}], ids=str)
def test_params__threshold_bls_without_room_to_deal_a_key__are_refused(changes: dict[str, Any]) -> None:
    short = replace(LOCAL.sprint, **changes)
    assert replace(LOCAL, sprint=short).sprint == short
    with pytest.raises(RuleError, match="with threshold BLS"):
        replace(LOCAL, sprint=short, beacon=replace(LOCAL.beacon, kind=THRESHOLD_BLS))


@pytest.mark.parametrize("name", PRESETS)
def test_compute_reveal_bytes__every_preset__leaves_room_in_a_transaction(name: str) -> None:
    params = PRESETS[name]
    most = compute_reveal_bytes(params.sprint.samples, params.sprint.max_count)
    assert most + ENVELOPE_BYTES <= params.auth.max_tx_bytes


@pytest.mark.parametrize(("count", "samples"), [(1, 1), (2, 1), (64, 64), (1000, 64), (1024, 4), (1000, 1)])
def test_compute_reveal_bytes__positions_far_apart__are_never_more(count: int, samples: int) -> None:
    multiproof = build_tree([Proof(nonce=n, tag=bytes(8)) for n in range(count)]).prove(
        [i * count // samples for i in range(samples)]
    )
    found = 16 * samples + 32 * len(multiproof.siblings) + 8 * len(multiproof.splits)
    assert found <= compute_reveal_bytes(samples, count)
    assert count & (count - 1) or found == compute_reveal_bytes(samples, count), "reached in a tree of full height"

"""The parameters, their invariants, and the three presets MINIMAL, LOCAL and MAINNET.

Field names are those of the Params messages in proto/, so that a proposal names them as `stake.unbonding_epochs`.
Source: docs/protocol.md, "Parameters".
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields

from rules.claims import compute_reveal_bytes
from rules.errors import RuleError
from rules.sampling import compute_rows_bytes

MILLION = 1_000_000
ENVELOPE_BYTES = 2048
"""Room for what a transaction carries beside a reveal or rows: signer, signature, memo, the names of its messages."""
GNK = 10**9


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """The acceptance bound (u64, of 2^64 times cosine squared) and the rate `one_in` it stands for."""

    one_in: int
    cos2_q64: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SprintParams:
    """Lengths in blocks, the proof function, samples, seats and slashes (ppm)."""

    genesis_blocks: int
    sprint_blocks: int
    claim_blocks: int
    reveal_blocks: int
    rows_commit_blocks: int
    rows_reveal_blocks: int
    dispute_commit_blocks: int
    dispute_reveal_blocks: int
    serve_blocks: int
    profile: str
    threshold: Threshold
    samples: int
    seats: int
    slash_mismatches: int
    claim_updates: int
    claim_bond_ngonka: int
    max_count: int
    unit_scale: int
    max_hosts: int
    reject_slash_ppm: int
    void_slash_ppm: int
    absence_slash_ppm: int
    absence_epochs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StakeParams:
    """Stake behind units, and the caps on consensus power."""

    unbonding_epochs: int
    stake_per_unit_ngonka: int
    base_ratio_ppm: int
    max_validators: int
    newcomers_cap_ppm: int
    power_cap_ppm: int
    downtime_window_blocks: int
    double_sign_slash_ppm: int
    jail_epochs: int


COMMIT_REVEAL = 1
THRESHOLD_BLS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class BeaconParams:
    """`kind` is COMMIT_REVEAL or THRESHOLD_BLS; `reveal_blocks` is the length of SEED and BEACON2 under the former."""

    kind: int
    reveal_blocks: int
    max_committers: int
    seed_bond_ngonka: int

    @property
    def round_blocks(self) -> int:
        """Length of SEED and of BEACON2 in blocks, before any delay."""
        return self.reveal_blocks if self.kind == COMMIT_REVEAL else 1


@dataclass(frozen=True, slots=True, kw_only=True)
class TxParams:
    """What every transaction keeps to, and the time between blocks."""

    block_ms: int
    max_memo_bytes: int
    max_tx_bytes: int
    max_block_bytes: int
    max_block_gas: int
    max_signatures: int
    gas_per_byte: int
    gas_per_signature: int
    min_fee_ngonka_per_kgas: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GovParams:
    """Deposits, voting periods in blocks, and the thresholds in ppm, as cosmos.gov.v1 has them."""

    min_deposit_ngonka: int
    expedited_min_deposit_ngonka: int
    max_deposit_blocks: int
    voting_blocks: int
    expedited_voting_blocks: int
    min_voting_epochs: int
    quorum_ppm: int
    threshold_ppm: int
    expedited_threshold_ppm: int
    veto_ppm: int
    min_initial_deposit_ppm: int
    cancel_ppm: int
    burn_vote_quorum: bool
    burn_deposit_prevote: bool
    burn_vote_veto: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RewardParams:
    """The subsidy is multiplied by decay_num / decay_den at each SETTLE."""

    decay_num: int
    decay_den: int
    max_subsidy_per_unit_ngonka: int


@dataclass(frozen=True, slots=True, kw_only=True)
class InferenceParams:
    """Escrows, the credit between the two sides, how far the base prices move (ngonka for 10^6 units), and checks.

    Answers of a host are checked from `answer_seats` seats; `answer_null_ppm` is what an honest host's distance is at
    most on average, `answer_slash_ppm` the part of the stake that a verdict burns.
    """

    group_size: int
    credit_tokens: int
    burn_ppm: int
    close_epochs: int
    min_deposit_ngonka: int
    price_step_ppm: int
    min_price_ngonka: int
    max_price_ngonka: int
    target_volume_ppm: int
    max_models: int
    settles_per_epoch: int
    answer_seats: int
    answer_null_ppm: int
    answer_slash_ppm: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Params:
    """Every module's parameters; construction checks the invariants.

    Raises: RuleError `params_invalid`, naming the first invariant that does not hold.
    """

    sprint: SprintParams
    stake: StakeParams
    beacon: BeaconParams
    auth: TxParams
    gov: GovParams
    rewards: RewardParams
    inference: InferenceParams
    name: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        for check in CHECKS:
            check(self)


def _require(holds: bool, invariant: str) -> None:
    if not holds:
        raise RuleError("params_invalid", f"needs {invariant}", invariant=invariant)


def _check_lengths(params: Params) -> None:
    s = params.sprint
    lengths = [
        "genesis_blocks", "sprint_blocks", "claim_blocks", "reveal_blocks", "rows_commit_blocks", "rows_reveal_blocks",
        "dispute_commit_blocks", "dispute_reveal_blocks", "serve_blocks",
    ]  # fmt: skip
    for name in lengths:
        _require(1 <= getattr(s, name) < 2**24, f"1 <= sprint.{name} < 2^24")
    _require(s.claim_blocks < s.sprint_blocks, "sprint.claim_blocks < sprint.sprint_blocks")
    _require(params.beacon.kind in {COMMIT_REVEAL, THRESHOLD_BLS}, "beacon.kind is 1 or 2")
    if params.beacon.kind == THRESHOLD_BLS:  # room to deal a key, to complain, and to vote on it
        _require(s.genesis_blocks >= 4, "sprint.genesis_blocks >= 4 with threshold BLS")
        _require(s.serve_blocks >= 3, "sprint.serve_blocks >= 3 with threshold BLS")
    _require(1 <= params.beacon.reveal_blocks < 2**16, "1 <= beacon.reveal_blocks < 2^16")
    _require(params.beacon.max_committers >= 1, "beacon.max_committers >= 1")


def _check_ratios(params: Params) -> None:
    for part in (params.sprint, params.stake, params.gov, params.inference):
        for f in fields(part):
            if f.name.endswith("_ppm") and f.name != "target_volume_ppm":
                _require(0 <= getattr(part, f.name) <= MILLION, f"0 <= {f.name} <= {MILLION}")
    _require(params.gov.expedited_threshold_ppm > params.gov.threshold_ppm, "gov.expedited_threshold > gov.threshold")
    _require(2 * params.gov.threshold_ppm >= MILLION, "gov.threshold >= 1/2")


def _check_units(params: Params) -> None:
    s = params.sprint
    _require(s.max_count >= 1 and s.unit_scale >= 1 and s.max_hosts >= 1, "max_count, unit_scale, max_hosts >= 1")
    _require(s.profile in THRESHOLDS, f"sprint.profile is one of {', '.join(THRESHOLDS)}")
    _require(s.threshold.one_in >= 1, "threshold.one_in >= 1")
    _require(0 < s.threshold.cos2_q64 < 2**64, "0 < threshold.cos2_q64 < 2^64")
    _require(
        s.max_count * s.threshold.one_in * s.unit_scale * s.max_hosts < 2**59,
        "max_count * one_in * unit_scale * max_hosts < 2^59",
    )


def _check_samples(params: Params) -> None:
    s = params.sprint
    _require(64 <= s.samples <= 4096, "64 <= sprint.samples <= 4096")
    _require(1 <= s.seats <= 1024, "1 <= sprint.seats <= 1024")
    _require(1 <= s.slash_mismatches <= s.samples, "1 <= sprint.slash_mismatches <= sprint.samples")
    _require(1 <= s.claim_updates <= 64, "1 <= sprint.claim_updates <= 64")
    _require(1 <= s.absence_epochs <= 1000, "1 <= sprint.absence_epochs <= 1000")


def _check_money(params: Params) -> None:
    stake, rewards, gov = params.stake, params.rewards, params.gov
    _require(1 <= stake.unbonding_epochs <= 10_000, "1 <= stake.unbonding_epochs <= 10000")
    _require(1 <= stake.stake_per_unit_ngonka < 2**63, "1 <= stake.stake_per_unit_ngonka < 2^63")
    _require(1 <= stake.max_validators <= 1000, "1 <= stake.max_validators <= 1000")
    _require(stake.newcomers_cap_ppm >= MILLION // 100, "stake.newcomers_cap >= 1/100")
    # a vote or two of an honest validator come late; and every block missed may write a bit for each block of it
    _require(10 <= stake.downtime_window_blocks <= 2**16, "10 <= stake.downtime_window_blocks <= 2^16")
    _require(0 < rewards.decay_num <= rewards.decay_den < 2**32, "0 < rewards.decay_num <= decay_den < 2^32")
    _require(1 <= gov.min_deposit_ngonka <= gov.expedited_min_deposit_ngonka, "1 <= gov.min_deposit <= expedited")
    _require(1 <= gov.expedited_voting_blocks <= gov.voting_blocks, "1 <= gov.expedited_voting <= voting_blocks")
    _require(gov.min_voting_epochs >= 1 and gov.max_deposit_blocks >= 1, "gov.min_voting_epochs, max_deposit >= 1")


def _check_transactions(params: Params) -> None:
    a = params.auth
    _require(a.block_ms >= 10, "auth.block_ms >= 10")
    _require(1024 <= a.max_tx_bytes <= a.max_block_bytes <= 64 * 2**20, "1 KiB <= max_tx <= max_block_bytes <= 64 MiB")
    _require(a.max_block_gas >= 1 and 1 <= a.max_signatures <= 64, "auth.max_block_gas >= 1, 1 <= max_signatures <= 64")


def _check_room(params: Params) -> None:
    """No change may make it impossible to reveal an honest claim, to report on all claims and to vote on all disputes
    that there can be, or to send a transaction that is not too large.
    """
    s, a = params.sprint, params.auth
    reveal = compute_reveal_bytes(s.samples, s.max_count) + ENVELOPE_BYTES
    _require(reveal <= a.max_tx_bytes, f"auth.max_tx_bytes >= {reveal}, the largest reveal")
    rows = compute_rows_bytes(s.max_hosts, s.slash_mismatches, s.max_count) + ENVELOPE_BYTES
    _require(rows <= a.max_tx_bytes, f"auth.max_tx_bytes >= {rows}, the rows of who sits on every claim")
    bits = s.max_hosts * min(s.seats, s.samples) + ENVELOPE_BYTES
    _require(bits <= a.max_tx_bytes, f"auth.max_tx_bytes >= {bits}, a vote on a dispute for every seat")
    gas = a.gas_per_byte * a.max_tx_bytes + a.gas_per_signature * a.max_signatures
    _require(gas <= a.max_block_gas, f"auth.max_block_gas >= {gas}, the largest transaction")


def _check_recall(params: Params) -> None:
    """No change may make it impossible to take it back: to pay for a proposal and votes, and to end them."""
    gov, a = params.gov, params.auth
    _require(gov.voting_blocks < 2**24 and gov.max_deposit_blocks < 2**24, "gov.voting_blocks, max_deposit < 2^24")
    _require(gov.min_voting_epochs <= 1000, "gov.min_voting_epochs <= 1000")
    _require(gov.expedited_min_deposit_ngonka <= 10**6 * GNK, "gov.expedited_min_deposit <= 1,000,000 GNK")
    gas = 2**10 * a.gas_per_byte + a.gas_per_signature + 100_000  # what a proposal or a vote of 1 KiB needs, about
    _require(gas * a.min_fee_ngonka_per_kgas <= 10 * 1000 * GNK, "a proposal of 1 KiB to pay at most 10 GNK in fees")
    _require(gov.quorum_ppm < MILLION, "gov.quorum < 1")
    _require(gov.expedited_threshold_ppm < MILLION, "gov.expedited_threshold < 1")


def _check_inference(params: Params) -> None:
    i = params.inference
    _require(1 <= i.group_size <= 64, "1 <= inference.group_size <= 64")
    _require(1 <= i.credit_tokens <= 2**16, "1 <= inference.credit_tokens <= 2^16")
    _require(1 <= i.close_epochs <= 1000, "1 <= inference.close_epochs <= 1000")
    _require(i.group_size <= i.min_deposit_ngonka < 2**63, "inference.group_size <= min_deposit_ngonka < 2^63")
    _require(1 <= i.min_price_ngonka <= i.max_price_ngonka <= 2**40, "1 <= inference.min_price <= max_price <= 2^40")
    # so that a whole step is never rounded to none
    step = i.price_step_ppm * i.min_price_ngonka
    _require(i.price_step_ppm == 0 or step >= MILLION, "inference.min_price_ngonka * price_step_ppm >= 10^6")
    _require(1 <= i.target_volume_ppm <= 2**40, "1 <= inference.target_volume_ppm <= 2^40")
    _require(1 <= i.max_models <= 1024, "1 <= inference.max_models <= 1024")
    _require(1 <= i.settles_per_epoch <= 1024, "1 <= inference.settles_per_epoch <= 1024")
    _require(1 <= i.answer_seats <= 64, "1 <= inference.answer_seats <= 64")
    _require(i.answer_null_ppm >= 1, "inference.answer_null_ppm >= 1")


CHECKS = (
    _check_lengths,
    _check_ratios,
    _check_units,
    _check_samples,
    _check_money,
    _check_transactions,
    _check_room,
    _check_recall,
    _check_inference,
)

THRESHOLDS = {
    "tiny": Threshold(one_in=16, cos2_q64=169589409868286240),
    "dev": Threshold(one_in=100, cos2_q64=48746011486129568),
    "dev32": Threshold(one_in=100, cos2_q64=48746011486129568),
    "whitepaper": Threshold(one_in=900, cos2_q64=21068478773109656),
    "serving": Threshold(one_in=16, cos2_q64=5299669058383945),
}
"""The acceptance bound of each profile.  Source: docs/kernel.md, "Acceptance and proof"."""

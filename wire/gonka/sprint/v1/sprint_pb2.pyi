from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Phase(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PHASE_UNSPECIFIED: _ClassVar[Phase]
    PHASE_GENESIS: _ClassVar[Phase]
    PHASE_SEED: _ClassVar[Phase]
    PHASE_SPRINT: _ClassVar[Phase]
    PHASE_CLAIM: _ClassVar[Phase]
    PHASE_BEACON2: _ClassVar[Phase]
    PHASE_REVEAL: _ClassVar[Phase]
    PHASE_ROWS_COMMIT: _ClassVar[Phase]
    PHASE_ROWS_REVEAL: _ClassVar[Phase]
    PHASE_DISPUTE_COMMIT: _ClassVar[Phase]
    PHASE_DISPUTE_REVEAL: _ClassVar[Phase]
    PHASE_SETTLE: _ClassVar[Phase]
    PHASE_SERVE: _ClassVar[Phase]

class Verdict(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    VERDICT_UNSPECIFIED: _ClassVar[Verdict]
    VERDICT_ACCEPTED: _ClassVar[Verdict]
    VERDICT_REJECTED: _ClassVar[Verdict]
    VERDICT_UNDECIDED: _ClassVar[Verdict]
    VERDICT_VOID: _ClassVar[Verdict]
    VERDICT_UNREVEALED: _ClassVar[Verdict]
PHASE_UNSPECIFIED: Phase
PHASE_GENESIS: Phase
PHASE_SEED: Phase
PHASE_SPRINT: Phase
PHASE_CLAIM: Phase
PHASE_BEACON2: Phase
PHASE_REVEAL: Phase
PHASE_ROWS_COMMIT: Phase
PHASE_ROWS_REVEAL: Phase
PHASE_DISPUTE_COMMIT: Phase
PHASE_DISPUTE_REVEAL: Phase
PHASE_SETTLE: Phase
PHASE_SERVE: Phase
VERDICT_UNSPECIFIED: Verdict
VERDICT_ACCEPTED: Verdict
VERDICT_REJECTED: Verdict
VERDICT_UNDECIDED: Verdict
VERDICT_VOID: Verdict
VERDICT_UNREVEALED: Verdict

class Claim(_message.Message):
    __slots__ = ("host", "count", "root", "updates", "bond_ngonka", "revealed", "void", "bond_from_stake")
    HOST_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    ROOT_FIELD_NUMBER: _ClassVar[int]
    UPDATES_FIELD_NUMBER: _ClassVar[int]
    BOND_NGONKA_FIELD_NUMBER: _ClassVar[int]
    REVEALED_FIELD_NUMBER: _ClassVar[int]
    VOID_FIELD_NUMBER: _ClassVar[int]
    BOND_FROM_STAKE_FIELD_NUMBER: _ClassVar[int]
    host: str
    count: int
    root: bytes
    updates: int
    bond_ngonka: int
    revealed: bool
    void: bool
    bond_from_stake: bool
    def __init__(self, host: _Optional[str] = ..., count: _Optional[int] = ..., root: _Optional[bytes] = ..., updates: _Optional[int] = ..., bond_ngonka: _Optional[int] = ..., revealed: bool = ..., void: bool = ..., bond_from_stake: bool = ...) -> None: ...

class Reveal(_message.Message):
    __slots__ = ("host", "nonces", "tags", "positions")
    HOST_FIELD_NUMBER: _ClassVar[int]
    NONCES_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    POSITIONS_FIELD_NUMBER: _ClassVar[int]
    host: str
    nonces: _containers.RepeatedScalarFieldContainer[int]
    tags: bytes
    positions: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, host: _Optional[str] = ..., nonces: _Optional[_Iterable[int]] = ..., tags: _Optional[bytes] = ..., positions: _Optional[_Iterable[int]] = ...) -> None: ...

class Seat(_message.Message):
    __slots__ = ("claimant", "count")
    CLAIMANT_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    claimant: str
    count: int
    def __init__(self, claimant: _Optional[str] = ..., count: _Optional[int] = ...) -> None: ...

class Seats(_message.Message):
    __slots__ = ("verifier", "seats")
    VERIFIER_FIELD_NUMBER: _ClassVar[int]
    SEATS_FIELD_NUMBER: _ClassVar[int]
    verifier: str
    seats: _containers.RepeatedCompositeFieldContainer[Seat]
    def __init__(self, verifier: _Optional[str] = ..., seats: _Optional[_Iterable[_Union[Seat, _Mapping]]] = ...) -> None: ...

class Row(_message.Message):
    __slots__ = ("claimant", "sample_digest", "mismatched_positions")
    CLAIMANT_FIELD_NUMBER: _ClassVar[int]
    SAMPLE_DIGEST_FIELD_NUMBER: _ClassVar[int]
    MISMATCHED_POSITIONS_FIELD_NUMBER: _ClassVar[int]
    claimant: str
    sample_digest: bytes
    mismatched_positions: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, claimant: _Optional[str] = ..., sample_digest: _Optional[bytes] = ..., mismatched_positions: _Optional[_Iterable[int]] = ...) -> None: ...

class RowSet(_message.Message):
    __slots__ = ("verifier", "commitment", "revealed", "rows")
    VERIFIER_FIELD_NUMBER: _ClassVar[int]
    COMMITMENT_FIELD_NUMBER: _ClassVar[int]
    REVEALED_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    verifier: str
    commitment: bytes
    revealed: bool
    rows: _containers.RepeatedCompositeFieldContainer[Row]
    def __init__(self, verifier: _Optional[str] = ..., commitment: _Optional[bytes] = ..., revealed: bool = ..., rows: _Optional[_Iterable[_Union[Row, _Mapping]]] = ...) -> None: ...

class Dispute(_message.Message):
    __slots__ = ("claimant", "nonce", "tag")
    CLAIMANT_FIELD_NUMBER: _ClassVar[int]
    NONCE_FIELD_NUMBER: _ClassVar[int]
    TAG_FIELD_NUMBER: _ClassVar[int]
    claimant: str
    nonce: int
    tag: bytes
    def __init__(self, claimant: _Optional[str] = ..., nonce: _Optional[int] = ..., tag: _Optional[bytes] = ...) -> None: ...

class DisputeVote(_message.Message):
    __slots__ = ("juror", "commitment", "revealed", "bits")
    JUROR_FIELD_NUMBER: _ClassVar[int]
    COMMITMENT_FIELD_NUMBER: _ClassVar[int]
    REVEALED_FIELD_NUMBER: _ClassVar[int]
    BITS_FIELD_NUMBER: _ClassVar[int]
    juror: str
    commitment: bytes
    revealed: bool
    bits: bytes
    def __init__(self, juror: _Optional[str] = ..., commitment: _Optional[bytes] = ..., revealed: bool = ..., bits: _Optional[bytes] = ...) -> None: ...

class Outcome(_message.Message):
    __slots__ = ("host", "claimed", "sampled", "mismatched", "verdict", "units_before", "units", "effective_units", "slashed_ngonka", "reward_pending_ngonka", "reward_ngonka", "missed", "wrong_rows", "due_rows")
    HOST_FIELD_NUMBER: _ClassVar[int]
    CLAIMED_FIELD_NUMBER: _ClassVar[int]
    SAMPLED_FIELD_NUMBER: _ClassVar[int]
    MISMATCHED_FIELD_NUMBER: _ClassVar[int]
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    UNITS_BEFORE_FIELD_NUMBER: _ClassVar[int]
    UNITS_FIELD_NUMBER: _ClassVar[int]
    EFFECTIVE_UNITS_FIELD_NUMBER: _ClassVar[int]
    SLASHED_NGONKA_FIELD_NUMBER: _ClassVar[int]
    REWARD_PENDING_NGONKA_FIELD_NUMBER: _ClassVar[int]
    REWARD_NGONKA_FIELD_NUMBER: _ClassVar[int]
    MISSED_FIELD_NUMBER: _ClassVar[int]
    WRONG_ROWS_FIELD_NUMBER: _ClassVar[int]
    DUE_ROWS_FIELD_NUMBER: _ClassVar[int]
    host: str
    claimed: int
    sampled: int
    mismatched: int
    verdict: Verdict
    units_before: int
    units: int
    effective_units: int
    slashed_ngonka: int
    reward_pending_ngonka: int
    reward_ngonka: int
    missed: _containers.RepeatedScalarFieldContainer[str]
    wrong_rows: int
    due_rows: int
    def __init__(self, host: _Optional[str] = ..., claimed: _Optional[int] = ..., sampled: _Optional[int] = ..., mismatched: _Optional[int] = ..., verdict: _Optional[_Union[Verdict, str]] = ..., units_before: _Optional[int] = ..., units: _Optional[int] = ..., effective_units: _Optional[int] = ..., slashed_ngonka: _Optional[int] = ..., reward_pending_ngonka: _Optional[int] = ..., reward_ngonka: _Optional[int] = ..., missed: _Optional[_Iterable[str]] = ..., wrong_rows: _Optional[int] = ..., due_rows: _Optional[int] = ...) -> None: ...

class EpochSummary(_message.Message):
    __slots__ = ("epoch", "unsettled", "minted_ngonka", "fees_ngonka", "slashed_ngonka", "outcomes")
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    UNSETTLED_FIELD_NUMBER: _ClassVar[int]
    MINTED_NGONKA_FIELD_NUMBER: _ClassVar[int]
    FEES_NGONKA_FIELD_NUMBER: _ClassVar[int]
    SLASHED_NGONKA_FIELD_NUMBER: _ClassVar[int]
    OUTCOMES_FIELD_NUMBER: _ClassVar[int]
    epoch: int
    unsettled: bool
    minted_ngonka: int
    fees_ngonka: int
    slashed_ngonka: int
    outcomes: _containers.RepeatedCompositeFieldContainer[Outcome]
    def __init__(self, epoch: _Optional[int] = ..., unsettled: bool = ..., minted_ngonka: _Optional[int] = ..., fees_ngonka: _Optional[int] = ..., slashed_ngonka: _Optional[int] = ..., outcomes: _Optional[_Iterable[_Union[Outcome, _Mapping]]] = ...) -> None: ...

class Payout(_message.Message):
    __slots__ = ("host", "amount_ngonka")
    HOST_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_NGONKA_FIELD_NUMBER: _ClassVar[int]
    host: str
    amount_ngonka: int
    def __init__(self, host: _Optional[str] = ..., amount_ngonka: _Optional[int] = ...) -> None: ...

class Payouts(_message.Message):
    __slots__ = ("epoch", "payouts", "rest_ngonka")
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    PAYOUTS_FIELD_NUMBER: _ClassVar[int]
    REST_NGONKA_FIELD_NUMBER: _ClassVar[int]
    epoch: int
    payouts: _containers.RepeatedCompositeFieldContainer[Payout]
    rest_ngonka: int
    def __init__(self, epoch: _Optional[int] = ..., payouts: _Optional[_Iterable[_Union[Payout, _Mapping]]] = ..., rest_ngonka: _Optional[int] = ...) -> None: ...

class Threshold(_message.Message):
    __slots__ = ("one_in", "cos2_q64")
    ONE_IN_FIELD_NUMBER: _ClassVar[int]
    COS2_Q64_FIELD_NUMBER: _ClassVar[int]
    one_in: int
    cos2_q64: int
    def __init__(self, one_in: _Optional[int] = ..., cos2_q64: _Optional[int] = ...) -> None: ...

class Params(_message.Message):
    __slots__ = ("genesis_blocks", "sprint_blocks", "claim_blocks", "reveal_blocks", "rows_commit_blocks", "rows_reveal_blocks", "dispute_commit_blocks", "dispute_reveal_blocks", "serve_blocks", "profile", "threshold", "samples", "seats", "slash_mismatches", "claim_updates", "claim_bond_ngonka", "max_count", "unit_scale", "max_hosts", "reject_slash_ppm", "void_slash_ppm", "absence_slash_ppm", "absence_epochs")
    GENESIS_BLOCKS_FIELD_NUMBER: _ClassVar[int]
    SPRINT_BLOCKS_FIELD_NUMBER: _ClassVar[int]
    CLAIM_BLOCKS_FIELD_NUMBER: _ClassVar[int]
    REVEAL_BLOCKS_FIELD_NUMBER: _ClassVar[int]
    ROWS_COMMIT_BLOCKS_FIELD_NUMBER: _ClassVar[int]
    ROWS_REVEAL_BLOCKS_FIELD_NUMBER: _ClassVar[int]
    DISPUTE_COMMIT_BLOCKS_FIELD_NUMBER: _ClassVar[int]
    DISPUTE_REVEAL_BLOCKS_FIELD_NUMBER: _ClassVar[int]
    SERVE_BLOCKS_FIELD_NUMBER: _ClassVar[int]
    PROFILE_FIELD_NUMBER: _ClassVar[int]
    THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    SAMPLES_FIELD_NUMBER: _ClassVar[int]
    SEATS_FIELD_NUMBER: _ClassVar[int]
    SLASH_MISMATCHES_FIELD_NUMBER: _ClassVar[int]
    CLAIM_UPDATES_FIELD_NUMBER: _ClassVar[int]
    CLAIM_BOND_NGONKA_FIELD_NUMBER: _ClassVar[int]
    MAX_COUNT_FIELD_NUMBER: _ClassVar[int]
    UNIT_SCALE_FIELD_NUMBER: _ClassVar[int]
    MAX_HOSTS_FIELD_NUMBER: _ClassVar[int]
    REJECT_SLASH_PPM_FIELD_NUMBER: _ClassVar[int]
    VOID_SLASH_PPM_FIELD_NUMBER: _ClassVar[int]
    ABSENCE_SLASH_PPM_FIELD_NUMBER: _ClassVar[int]
    ABSENCE_EPOCHS_FIELD_NUMBER: _ClassVar[int]
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
    def __init__(self, genesis_blocks: _Optional[int] = ..., sprint_blocks: _Optional[int] = ..., claim_blocks: _Optional[int] = ..., reveal_blocks: _Optional[int] = ..., rows_commit_blocks: _Optional[int] = ..., rows_reveal_blocks: _Optional[int] = ..., dispute_commit_blocks: _Optional[int] = ..., dispute_reveal_blocks: _Optional[int] = ..., serve_blocks: _Optional[int] = ..., profile: _Optional[str] = ..., threshold: _Optional[_Union[Threshold, _Mapping]] = ..., samples: _Optional[int] = ..., seats: _Optional[int] = ..., slash_mismatches: _Optional[int] = ..., claim_updates: _Optional[int] = ..., claim_bond_ngonka: _Optional[int] = ..., max_count: _Optional[int] = ..., unit_scale: _Optional[int] = ..., max_hosts: _Optional[int] = ..., reject_slash_ppm: _Optional[int] = ..., void_slash_ppm: _Optional[int] = ..., absence_slash_ppm: _Optional[int] = ..., absence_epochs: _Optional[int] = ...) -> None: ...

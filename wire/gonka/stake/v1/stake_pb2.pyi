from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

class Host(_message.Message):
    __slots__ = ("address", "consensus_pubkey", "next_consensus_pubkey", "registered_epoch", "left_epoch", "stake_ngonka", "stake_at_claim_ngonka", "jailed_until_epoch", "down", "absent_epoch", "seed_bond_ngonka", "slashed_ngonka", "reward_ngonka")
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    CONSENSUS_PUBKEY_FIELD_NUMBER: _ClassVar[int]
    NEXT_CONSENSUS_PUBKEY_FIELD_NUMBER: _ClassVar[int]
    REGISTERED_EPOCH_FIELD_NUMBER: _ClassVar[int]
    LEFT_EPOCH_FIELD_NUMBER: _ClassVar[int]
    STAKE_NGONKA_FIELD_NUMBER: _ClassVar[int]
    STAKE_AT_CLAIM_NGONKA_FIELD_NUMBER: _ClassVar[int]
    JAILED_UNTIL_EPOCH_FIELD_NUMBER: _ClassVar[int]
    DOWN_FIELD_NUMBER: _ClassVar[int]
    ABSENT_EPOCH_FIELD_NUMBER: _ClassVar[int]
    SEED_BOND_NGONKA_FIELD_NUMBER: _ClassVar[int]
    SLASHED_NGONKA_FIELD_NUMBER: _ClassVar[int]
    REWARD_NGONKA_FIELD_NUMBER: _ClassVar[int]
    address: str
    consensus_pubkey: bytes
    next_consensus_pubkey: bytes
    registered_epoch: int
    left_epoch: int
    stake_ngonka: int
    stake_at_claim_ngonka: int
    jailed_until_epoch: int
    down: bool
    absent_epoch: int
    seed_bond_ngonka: int
    slashed_ngonka: int
    reward_ngonka: int
    def __init__(self, address: _Optional[str] = ..., consensus_pubkey: _Optional[bytes] = ..., next_consensus_pubkey: _Optional[bytes] = ..., registered_epoch: _Optional[int] = ..., left_epoch: _Optional[int] = ..., stake_ngonka: _Optional[int] = ..., stake_at_claim_ngonka: _Optional[int] = ..., jailed_until_epoch: _Optional[int] = ..., down: bool = ..., absent_epoch: _Optional[int] = ..., seed_bond_ngonka: _Optional[int] = ..., slashed_ngonka: _Optional[int] = ..., reward_ngonka: _Optional[int] = ...) -> None: ...

class Unbonding(_message.Message):
    __slots__ = ("host", "release_epoch", "amount_ngonka")
    HOST_FIELD_NUMBER: _ClassVar[int]
    RELEASE_EPOCH_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_NGONKA_FIELD_NUMBER: _ClassVar[int]
    host: str
    release_epoch: int
    amount_ngonka: int
    def __init__(self, host: _Optional[str] = ..., release_epoch: _Optional[int] = ..., amount_ngonka: _Optional[int] = ...) -> None: ...

class TableEntry(_message.Message):
    __slots__ = ("host", "units", "effective_units")
    HOST_FIELD_NUMBER: _ClassVar[int]
    UNITS_FIELD_NUMBER: _ClassVar[int]
    EFFECTIVE_UNITS_FIELD_NUMBER: _ClassVar[int]
    host: str
    units: int
    effective_units: int
    def __init__(self, host: _Optional[str] = ..., units: _Optional[int] = ..., effective_units: _Optional[int] = ...) -> None: ...

class Params(_message.Message):
    __slots__ = ("unbonding_epochs", "stake_per_unit_ngonka", "base_ratio_ppm", "max_validators", "newcomers_cap_ppm", "power_cap_ppm", "downtime_window_blocks", "double_sign_slash_ppm", "jail_epochs")
    UNBONDING_EPOCHS_FIELD_NUMBER: _ClassVar[int]
    STAKE_PER_UNIT_NGONKA_FIELD_NUMBER: _ClassVar[int]
    BASE_RATIO_PPM_FIELD_NUMBER: _ClassVar[int]
    MAX_VALIDATORS_FIELD_NUMBER: _ClassVar[int]
    NEWCOMERS_CAP_PPM_FIELD_NUMBER: _ClassVar[int]
    POWER_CAP_PPM_FIELD_NUMBER: _ClassVar[int]
    DOWNTIME_WINDOW_BLOCKS_FIELD_NUMBER: _ClassVar[int]
    DOUBLE_SIGN_SLASH_PPM_FIELD_NUMBER: _ClassVar[int]
    JAIL_EPOCHS_FIELD_NUMBER: _ClassVar[int]
    unbonding_epochs: int
    stake_per_unit_ngonka: int
    base_ratio_ppm: int
    max_validators: int
    newcomers_cap_ppm: int
    power_cap_ppm: int
    downtime_window_blocks: int
    double_sign_slash_ppm: int
    jail_epochs: int
    def __init__(self, unbonding_epochs: _Optional[int] = ..., stake_per_unit_ngonka: _Optional[int] = ..., base_ratio_ppm: _Optional[int] = ..., max_validators: _Optional[int] = ..., newcomers_cap_ppm: _Optional[int] = ..., power_cap_ppm: _Optional[int] = ..., downtime_window_blocks: _Optional[int] = ..., double_sign_slash_ppm: _Optional[int] = ..., jail_epochs: _Optional[int] = ...) -> None: ...

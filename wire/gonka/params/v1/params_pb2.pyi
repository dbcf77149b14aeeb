from wire.gonka.beacon.v1 import beacon_pb2 as _beacon_pb2
from wire.gonka.inference.v1 import inference_pb2 as _inference_pb2
from wire.gonka.sprint.v1 import sprint_pb2 as _sprint_pb2
from wire.gonka.stake.v1 import stake_pb2 as _stake_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class TxParams(_message.Message):
    __slots__ = ("block_ms", "max_memo_bytes", "max_tx_bytes", "max_block_bytes", "max_block_gas", "max_signatures", "gas_per_byte", "gas_per_signature", "min_fee_ngonka_per_kgas")
    BLOCK_MS_FIELD_NUMBER: _ClassVar[int]
    MAX_MEMO_BYTES_FIELD_NUMBER: _ClassVar[int]
    MAX_TX_BYTES_FIELD_NUMBER: _ClassVar[int]
    MAX_BLOCK_BYTES_FIELD_NUMBER: _ClassVar[int]
    MAX_BLOCK_GAS_FIELD_NUMBER: _ClassVar[int]
    MAX_SIGNATURES_FIELD_NUMBER: _ClassVar[int]
    GAS_PER_BYTE_FIELD_NUMBER: _ClassVar[int]
    GAS_PER_SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    MIN_FEE_NGONKA_PER_KGAS_FIELD_NUMBER: _ClassVar[int]
    block_ms: int
    max_memo_bytes: int
    max_tx_bytes: int
    max_block_bytes: int
    max_block_gas: int
    max_signatures: int
    gas_per_byte: int
    gas_per_signature: int
    min_fee_ngonka_per_kgas: int
    def __init__(self, block_ms: _Optional[int] = ..., max_memo_bytes: _Optional[int] = ..., max_tx_bytes: _Optional[int] = ..., max_block_bytes: _Optional[int] = ..., max_block_gas: _Optional[int] = ..., max_signatures: _Optional[int] = ..., gas_per_byte: _Optional[int] = ..., gas_per_signature: _Optional[int] = ..., min_fee_ngonka_per_kgas: _Optional[int] = ...) -> None: ...

class GovParams(_message.Message):
    __slots__ = ("min_deposit_ngonka", "expedited_min_deposit_ngonka", "max_deposit_blocks", "voting_blocks", "expedited_voting_blocks", "min_voting_epochs", "quorum_ppm", "threshold_ppm", "expedited_threshold_ppm", "veto_ppm", "min_initial_deposit_ppm", "cancel_ppm", "burn_vote_quorum", "burn_deposit_prevote", "burn_vote_veto")
    MIN_DEPOSIT_NGONKA_FIELD_NUMBER: _ClassVar[int]
    EXPEDITED_MIN_DEPOSIT_NGONKA_FIELD_NUMBER: _ClassVar[int]
    MAX_DEPOSIT_BLOCKS_FIELD_NUMBER: _ClassVar[int]
    VOTING_BLOCKS_FIELD_NUMBER: _ClassVar[int]
    EXPEDITED_VOTING_BLOCKS_FIELD_NUMBER: _ClassVar[int]
    MIN_VOTING_EPOCHS_FIELD_NUMBER: _ClassVar[int]
    QUORUM_PPM_FIELD_NUMBER: _ClassVar[int]
    THRESHOLD_PPM_FIELD_NUMBER: _ClassVar[int]
    EXPEDITED_THRESHOLD_PPM_FIELD_NUMBER: _ClassVar[int]
    VETO_PPM_FIELD_NUMBER: _ClassVar[int]
    MIN_INITIAL_DEPOSIT_PPM_FIELD_NUMBER: _ClassVar[int]
    CANCEL_PPM_FIELD_NUMBER: _ClassVar[int]
    BURN_VOTE_QUORUM_FIELD_NUMBER: _ClassVar[int]
    BURN_DEPOSIT_PREVOTE_FIELD_NUMBER: _ClassVar[int]
    BURN_VOTE_VETO_FIELD_NUMBER: _ClassVar[int]
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
    def __init__(self, min_deposit_ngonka: _Optional[int] = ..., expedited_min_deposit_ngonka: _Optional[int] = ..., max_deposit_blocks: _Optional[int] = ..., voting_blocks: _Optional[int] = ..., expedited_voting_blocks: _Optional[int] = ..., min_voting_epochs: _Optional[int] = ..., quorum_ppm: _Optional[int] = ..., threshold_ppm: _Optional[int] = ..., expedited_threshold_ppm: _Optional[int] = ..., veto_ppm: _Optional[int] = ..., min_initial_deposit_ppm: _Optional[int] = ..., cancel_ppm: _Optional[int] = ..., burn_vote_quorum: bool = ..., burn_deposit_prevote: bool = ..., burn_vote_veto: bool = ...) -> None: ...

class RewardParams(_message.Message):
    __slots__ = ("decay_num", "decay_den", "max_subsidy_per_unit_ngonka")
    DECAY_NUM_FIELD_NUMBER: _ClassVar[int]
    DECAY_DEN_FIELD_NUMBER: _ClassVar[int]
    MAX_SUBSIDY_PER_UNIT_NGONKA_FIELD_NUMBER: _ClassVar[int]
    decay_num: int
    decay_den: int
    max_subsidy_per_unit_ngonka: int
    def __init__(self, decay_num: _Optional[int] = ..., decay_den: _Optional[int] = ..., max_subsidy_per_unit_ngonka: _Optional[int] = ...) -> None: ...

class Params(_message.Message):
    __slots__ = ("sprint", "stake", "beacon", "auth", "gov", "rewards", "inference")
    SPRINT_FIELD_NUMBER: _ClassVar[int]
    STAKE_FIELD_NUMBER: _ClassVar[int]
    BEACON_FIELD_NUMBER: _ClassVar[int]
    AUTH_FIELD_NUMBER: _ClassVar[int]
    GOV_FIELD_NUMBER: _ClassVar[int]
    REWARDS_FIELD_NUMBER: _ClassVar[int]
    INFERENCE_FIELD_NUMBER: _ClassVar[int]
    sprint: _sprint_pb2.Params
    stake: _stake_pb2.Params
    beacon: _beacon_pb2.Params
    auth: TxParams
    gov: GovParams
    rewards: RewardParams
    inference: _inference_pb2.Params
    def __init__(self, sprint: _Optional[_Union[_sprint_pb2.Params, _Mapping]] = ..., stake: _Optional[_Union[_stake_pb2.Params, _Mapping]] = ..., beacon: _Optional[_Union[_beacon_pb2.Params, _Mapping]] = ..., auth: _Optional[_Union[TxParams, _Mapping]] = ..., gov: _Optional[_Union[GovParams, _Mapping]] = ..., rewards: _Optional[_Union[RewardParams, _Mapping]] = ..., inference: _Optional[_Union[_inference_pb2.Params, _Mapping]] = ...) -> None: ...

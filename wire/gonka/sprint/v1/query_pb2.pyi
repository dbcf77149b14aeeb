from google.api import annotations_pb2 as _annotations_pb2
from wire.gonka.beacon.v1 import beacon_pb2 as _beacon_pb2
from wire.gonka.sprint.v1 import sprint_pb2 as _sprint_pb2
from wire.gonka.stake.v1 import stake_pb2 as _stake_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class FollowRequest(_message.Message):
    __slots__ = ("after_height",)
    AFTER_HEIGHT_FIELD_NUMBER: _ClassVar[int]
    after_height: int
    def __init__(self, after_height: _Optional[int] = ...) -> None: ...

class BlockNotice(_message.Message):
    __slots__ = ("height", "hash", "time_unix_ms")
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    HASH_FIELD_NUMBER: _ClassVar[int]
    TIME_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    height: int
    hash: bytes
    time_unix_ms: int
    def __init__(self, height: _Optional[int] = ..., hash: _Optional[bytes] = ..., time_unix_ms: _Optional[int] = ...) -> None: ...

class QueryParamsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class QueryParamsResponse(_message.Message):
    __slots__ = ("params",)
    PARAMS_FIELD_NUMBER: _ClassVar[int]
    params: _sprint_pb2.Params
    def __init__(self, params: _Optional[_Union[_sprint_pb2.Params, _Mapping]] = ...) -> None: ...

class EpochStatus(_message.Message):
    __slots__ = ("epoch", "height", "first_height", "phase", "phase_first_height", "phase_last_height", "last_height", "sprint_seed", "sample_seed", "sprint_params", "beacon_params", "stake_params", "block_ms", "deal_first_height", "deal_last_height", "complaint_last_height", "round_late_blocks")
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    FIRST_HEIGHT_FIELD_NUMBER: _ClassVar[int]
    PHASE_FIELD_NUMBER: _ClassVar[int]
    PHASE_FIRST_HEIGHT_FIELD_NUMBER: _ClassVar[int]
    PHASE_LAST_HEIGHT_FIELD_NUMBER: _ClassVar[int]
    LAST_HEIGHT_FIELD_NUMBER: _ClassVar[int]
    SPRINT_SEED_FIELD_NUMBER: _ClassVar[int]
    SAMPLE_SEED_FIELD_NUMBER: _ClassVar[int]
    SPRINT_PARAMS_FIELD_NUMBER: _ClassVar[int]
    BEACON_PARAMS_FIELD_NUMBER: _ClassVar[int]
    STAKE_PARAMS_FIELD_NUMBER: _ClassVar[int]
    BLOCK_MS_FIELD_NUMBER: _ClassVar[int]
    DEAL_FIRST_HEIGHT_FIELD_NUMBER: _ClassVar[int]
    DEAL_LAST_HEIGHT_FIELD_NUMBER: _ClassVar[int]
    COMPLAINT_LAST_HEIGHT_FIELD_NUMBER: _ClassVar[int]
    ROUND_LATE_BLOCKS_FIELD_NUMBER: _ClassVar[int]
    epoch: int
    height: int
    first_height: int
    phase: _sprint_pb2.Phase
    phase_first_height: int
    phase_last_height: int
    last_height: int
    sprint_seed: bytes
    sample_seed: bytes
    sprint_params: _sprint_pb2.Params
    beacon_params: _beacon_pb2.Params
    stake_params: _stake_pb2.Params
    block_ms: int
    deal_first_height: int
    deal_last_height: int
    complaint_last_height: int
    round_late_blocks: int
    def __init__(self, epoch: _Optional[int] = ..., height: _Optional[int] = ..., first_height: _Optional[int] = ..., phase: _Optional[_Union[_sprint_pb2.Phase, str]] = ..., phase_first_height: _Optional[int] = ..., phase_last_height: _Optional[int] = ..., last_height: _Optional[int] = ..., sprint_seed: _Optional[bytes] = ..., sample_seed: _Optional[bytes] = ..., sprint_params: _Optional[_Union[_sprint_pb2.Params, _Mapping]] = ..., beacon_params: _Optional[_Union[_beacon_pb2.Params, _Mapping]] = ..., stake_params: _Optional[_Union[_stake_pb2.Params, _Mapping]] = ..., block_ms: _Optional[int] = ..., deal_first_height: _Optional[int] = ..., deal_last_height: _Optional[int] = ..., complaint_last_height: _Optional[int] = ..., round_late_blocks: _Optional[int] = ...) -> None: ...

class QueryEpochRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class QueryEpochResponse(_message.Message):
    __slots__ = ("chain_id", "status")
    CHAIN_ID_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    chain_id: str
    status: EpochStatus
    def __init__(self, chain_id: _Optional[str] = ..., status: _Optional[_Union[EpochStatus, _Mapping]] = ...) -> None: ...

class QueryViewRequest(_message.Message):
    __slots__ = ("host",)
    HOST_FIELD_NUMBER: _ClassVar[int]
    host: str
    def __init__(self, host: _Optional[str] = ...) -> None: ...

class QueryViewResponse(_message.Message):
    __slots__ = ("chain_id", "status", "host", "balance_ngonka", "table", "claims", "commitment_next", "commitment", "rows", "disputes", "dispute_vote", "beacon_key", "group_next", "deals_next", "deal_missing")
    CHAIN_ID_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    BALANCE_NGONKA_FIELD_NUMBER: _ClassVar[int]
    TABLE_FIELD_NUMBER: _ClassVar[int]
    CLAIMS_FIELD_NUMBER: _ClassVar[int]
    COMMITMENT_NEXT_FIELD_NUMBER: _ClassVar[int]
    COMMITMENT_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    DISPUTES_FIELD_NUMBER: _ClassVar[int]
    DISPUTE_VOTE_FIELD_NUMBER: _ClassVar[int]
    BEACON_KEY_FIELD_NUMBER: _ClassVar[int]
    GROUP_NEXT_FIELD_NUMBER: _ClassVar[int]
    DEALS_NEXT_FIELD_NUMBER: _ClassVar[int]
    DEAL_MISSING_FIELD_NUMBER: _ClassVar[int]
    chain_id: str
    status: EpochStatus
    host: _stake_pb2.Host
    balance_ngonka: int
    table: _containers.RepeatedCompositeFieldContainer[_stake_pb2.TableEntry]
    claims: _containers.RepeatedCompositeFieldContainer[_sprint_pb2.Claim]
    commitment_next: _beacon_pb2.Commitment
    commitment: _beacon_pb2.Commitment
    rows: _sprint_pb2.RowSet
    disputes: _containers.RepeatedCompositeFieldContainer[_sprint_pb2.Dispute]
    dispute_vote: _sprint_pb2.DisputeVote
    beacon_key: bytes
    group_next: _beacon_pb2.Group
    deals_next: _containers.RepeatedCompositeFieldContainer[_beacon_pb2.Deal]
    deal_missing: bool
    def __init__(self, chain_id: _Optional[str] = ..., status: _Optional[_Union[EpochStatus, _Mapping]] = ..., host: _Optional[_Union[_stake_pb2.Host, _Mapping]] = ..., balance_ngonka: _Optional[int] = ..., table: _Optional[_Iterable[_Union[_stake_pb2.TableEntry, _Mapping]]] = ..., claims: _Optional[_Iterable[_Union[_sprint_pb2.Claim, _Mapping]]] = ..., commitment_next: _Optional[_Union[_beacon_pb2.Commitment, _Mapping]] = ..., commitment: _Optional[_Union[_beacon_pb2.Commitment, _Mapping]] = ..., rows: _Optional[_Union[_sprint_pb2.RowSet, _Mapping]] = ..., disputes: _Optional[_Iterable[_Union[_sprint_pb2.Dispute, _Mapping]]] = ..., dispute_vote: _Optional[_Union[_sprint_pb2.DisputeVote, _Mapping]] = ..., beacon_key: _Optional[bytes] = ..., group_next: _Optional[_Union[_beacon_pb2.Group, _Mapping]] = ..., deals_next: _Optional[_Iterable[_Union[_beacon_pb2.Deal, _Mapping]]] = ..., deal_missing: bool = ...) -> None: ...

class QueryClaimsRequest(_message.Message):
    __slots__ = ("epoch",)
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    epoch: int
    def __init__(self, epoch: _Optional[int] = ...) -> None: ...

class QueryClaimsResponse(_message.Message):
    __slots__ = ("claims",)
    CLAIMS_FIELD_NUMBER: _ClassVar[int]
    claims: _containers.RepeatedCompositeFieldContainer[_sprint_pb2.Claim]
    def __init__(self, claims: _Optional[_Iterable[_Union[_sprint_pb2.Claim, _Mapping]]] = ...) -> None: ...

class QueryRevealRequest(_message.Message):
    __slots__ = ("epoch", "host")
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    epoch: int
    host: str
    def __init__(self, epoch: _Optional[int] = ..., host: _Optional[str] = ...) -> None: ...

class QueryRevealResponse(_message.Message):
    __slots__ = ("nonces", "tags", "positions")
    NONCES_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    POSITIONS_FIELD_NUMBER: _ClassVar[int]
    nonces: _containers.RepeatedScalarFieldContainer[int]
    tags: bytes
    positions: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, nonces: _Optional[_Iterable[int]] = ..., tags: _Optional[bytes] = ..., positions: _Optional[_Iterable[int]] = ...) -> None: ...

class QuerySummaryRequest(_message.Message):
    __slots__ = ("epoch",)
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    epoch: int
    def __init__(self, epoch: _Optional[int] = ...) -> None: ...

class QuerySummaryResponse(_message.Message):
    __slots__ = ("summary",)
    SUMMARY_FIELD_NUMBER: _ClassVar[int]
    summary: _sprint_pb2.EpochSummary
    def __init__(self, summary: _Optional[_Union[_sprint_pb2.EpochSummary, _Mapping]] = ...) -> None: ...

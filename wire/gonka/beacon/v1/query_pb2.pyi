from google.api import annotations_pb2 as _annotations_pb2
from wire.gonka.beacon.v1 import beacon_pb2 as _beacon_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class QueryParamsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class QueryParamsResponse(_message.Message):
    __slots__ = ("params",)
    PARAMS_FIELD_NUMBER: _ClassVar[int]
    params: _beacon_pb2.Params
    def __init__(self, params: _Optional[_Union[_beacon_pb2.Params, _Mapping]] = ...) -> None: ...

class QuerySeedsRequest(_message.Message):
    __slots__ = ("epoch",)
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    epoch: int
    def __init__(self, epoch: _Optional[int] = ...) -> None: ...

class QuerySeedsResponse(_message.Message):
    __slots__ = ("sprint_seed", "sample_seed", "commitments")
    SPRINT_SEED_FIELD_NUMBER: _ClassVar[int]
    SAMPLE_SEED_FIELD_NUMBER: _ClassVar[int]
    COMMITMENTS_FIELD_NUMBER: _ClassVar[int]
    sprint_seed: bytes
    sample_seed: bytes
    commitments: _containers.RepeatedCompositeFieldContainer[_beacon_pb2.Commitment]
    def __init__(self, sprint_seed: _Optional[bytes] = ..., sample_seed: _Optional[bytes] = ..., commitments: _Optional[_Iterable[_Union[_beacon_pb2.Commitment, _Mapping]]] = ...) -> None: ...

class QueryGroupRequest(_message.Message):
    __slots__ = ("epoch",)
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    epoch: int
    def __init__(self, epoch: _Optional[int] = ...) -> None: ...

class QueryGroupResponse(_message.Message):
    __slots__ = ("group", "deals")
    GROUP_FIELD_NUMBER: _ClassVar[int]
    DEALS_FIELD_NUMBER: _ClassVar[int]
    group: _beacon_pb2.Group
    deals: _containers.RepeatedCompositeFieldContainer[_beacon_pb2.Deal]
    def __init__(self, group: _Optional[_Union[_beacon_pb2.Group, _Mapping]] = ..., deals: _Optional[_Iterable[_Union[_beacon_pb2.Deal, _Mapping]]] = ...) -> None: ...

class QueryBeaconKeyRequest(_message.Message):
    __slots__ = ("host",)
    HOST_FIELD_NUMBER: _ClassVar[int]
    host: str
    def __init__(self, host: _Optional[str] = ...) -> None: ...

class QueryBeaconKeyResponse(_message.Message):
    __slots__ = ("beacon_key",)
    BEACON_KEY_FIELD_NUMBER: _ClassVar[int]
    beacon_key: bytes
    def __init__(self, beacon_key: _Optional[bytes] = ...) -> None: ...

from google.api import annotations_pb2 as _annotations_pb2
from wire.gonka.stake.v1 import stake_pb2 as _stake_pb2
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
    params: _stake_pb2.Params
    def __init__(self, params: _Optional[_Union[_stake_pb2.Params, _Mapping]] = ...) -> None: ...

class QueryHostRequest(_message.Message):
    __slots__ = ("address",)
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    address: str
    def __init__(self, address: _Optional[str] = ...) -> None: ...

class QueryHostResponse(_message.Message):
    __slots__ = ("host", "unbonding", "entry")
    HOST_FIELD_NUMBER: _ClassVar[int]
    UNBONDING_FIELD_NUMBER: _ClassVar[int]
    ENTRY_FIELD_NUMBER: _ClassVar[int]
    host: _stake_pb2.Host
    unbonding: _containers.RepeatedCompositeFieldContainer[_stake_pb2.Unbonding]
    entry: _stake_pb2.TableEntry
    def __init__(self, host: _Optional[_Union[_stake_pb2.Host, _Mapping]] = ..., unbonding: _Optional[_Iterable[_Union[_stake_pb2.Unbonding, _Mapping]]] = ..., entry: _Optional[_Union[_stake_pb2.TableEntry, _Mapping]] = ...) -> None: ...

class QueryHostsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class QueryHostsResponse(_message.Message):
    __slots__ = ("hosts",)
    HOSTS_FIELD_NUMBER: _ClassVar[int]
    hosts: _containers.RepeatedCompositeFieldContainer[_stake_pb2.Host]
    def __init__(self, hosts: _Optional[_Iterable[_Union[_stake_pb2.Host, _Mapping]]] = ...) -> None: ...

class QueryTableRequest(_message.Message):
    __slots__ = ("epoch",)
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    epoch: int
    def __init__(self, epoch: _Optional[int] = ...) -> None: ...

class QueryTableResponse(_message.Message):
    __slots__ = ("epoch", "entries")
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    epoch: int
    entries: _containers.RepeatedCompositeFieldContainer[_stake_pb2.TableEntry]
    def __init__(self, epoch: _Optional[int] = ..., entries: _Optional[_Iterable[_Union[_stake_pb2.TableEntry, _Mapping]]] = ...) -> None: ...

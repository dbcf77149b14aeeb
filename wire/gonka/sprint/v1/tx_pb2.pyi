from amino import amino_pb2 as _amino_pb2
from cosmos.msg.v1 import msg_pb2 as _msg_pb2
from wire.gonka.sprint.v1 import sprint_pb2 as _sprint_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class MsgClaim(_message.Message):
    __slots__ = ("host", "epoch", "count", "root")
    HOST_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    ROOT_FIELD_NUMBER: _ClassVar[int]
    host: str
    epoch: int
    count: int
    root: bytes
    def __init__(self, host: _Optional[str] = ..., epoch: _Optional[int] = ..., count: _Optional[int] = ..., root: _Optional[bytes] = ...) -> None: ...

class MsgClaimResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class MsgRevealLeaves(_message.Message):
    __slots__ = ("host", "epoch", "nonces", "tags", "siblings", "splits")
    HOST_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    NONCES_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    SIBLINGS_FIELD_NUMBER: _ClassVar[int]
    SPLITS_FIELD_NUMBER: _ClassVar[int]
    host: str
    epoch: int
    nonces: _containers.RepeatedScalarFieldContainer[int]
    tags: bytes
    siblings: bytes
    splits: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, host: _Optional[str] = ..., epoch: _Optional[int] = ..., nonces: _Optional[_Iterable[int]] = ..., tags: _Optional[bytes] = ..., siblings: _Optional[bytes] = ..., splits: _Optional[_Iterable[int]] = ...) -> None: ...

class MsgRevealLeavesResponse(_message.Message):
    __slots__ = ("void",)
    VOID_FIELD_NUMBER: _ClassVar[int]
    void: bool
    def __init__(self, void: bool = ...) -> None: ...

class MsgCommitRows(_message.Message):
    __slots__ = ("host", "epoch", "commitment")
    HOST_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    COMMITMENT_FIELD_NUMBER: _ClassVar[int]
    host: str
    epoch: int
    commitment: bytes
    def __init__(self, host: _Optional[str] = ..., epoch: _Optional[int] = ..., commitment: _Optional[bytes] = ...) -> None: ...

class MsgCommitRowsResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class MsgRevealRows(_message.Message):
    __slots__ = ("host", "epoch", "salt", "rows")
    HOST_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    SALT_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    host: str
    epoch: int
    salt: bytes
    rows: _containers.RepeatedCompositeFieldContainer[_sprint_pb2.Row]
    def __init__(self, host: _Optional[str] = ..., epoch: _Optional[int] = ..., salt: _Optional[bytes] = ..., rows: _Optional[_Iterable[_Union[_sprint_pb2.Row, _Mapping]]] = ...) -> None: ...

class MsgRevealRowsResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class MsgCommitDispute(_message.Message):
    __slots__ = ("host", "epoch", "commitment")
    HOST_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    COMMITMENT_FIELD_NUMBER: _ClassVar[int]
    host: str
    epoch: int
    commitment: bytes
    def __init__(self, host: _Optional[str] = ..., epoch: _Optional[int] = ..., commitment: _Optional[bytes] = ...) -> None: ...

class MsgCommitDisputeResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class MsgRevealDispute(_message.Message):
    __slots__ = ("host", "epoch", "salt", "bits")
    HOST_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    SALT_FIELD_NUMBER: _ClassVar[int]
    BITS_FIELD_NUMBER: _ClassVar[int]
    host: str
    epoch: int
    salt: bytes
    bits: bytes
    def __init__(self, host: _Optional[str] = ..., epoch: _Optional[int] = ..., salt: _Optional[bytes] = ..., bits: _Optional[bytes] = ...) -> None: ...

class MsgRevealDisputeResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

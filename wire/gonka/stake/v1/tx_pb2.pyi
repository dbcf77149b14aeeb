from amino import amino_pb2 as _amino_pb2
from cosmos.msg.v1 import msg_pb2 as _msg_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

class MsgRegisterHost(_message.Message):
    __slots__ = ("host", "consensus_pubkey", "consensus_signature")
    HOST_FIELD_NUMBER: _ClassVar[int]
    CONSENSUS_PUBKEY_FIELD_NUMBER: _ClassVar[int]
    CONSENSUS_SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    host: str
    consensus_pubkey: bytes
    consensus_signature: bytes
    def __init__(self, host: _Optional[str] = ..., consensus_pubkey: _Optional[bytes] = ..., consensus_signature: _Optional[bytes] = ...) -> None: ...

class MsgRegisterHostResponse(_message.Message):
    __slots__ = ("sprints_from_epoch",)
    SPRINTS_FROM_EPOCH_FIELD_NUMBER: _ClassVar[int]
    sprints_from_epoch: int
    def __init__(self, sprints_from_epoch: _Optional[int] = ...) -> None: ...

class MsgLeave(_message.Message):
    __slots__ = ("host",)
    HOST_FIELD_NUMBER: _ClassVar[int]
    host: str
    def __init__(self, host: _Optional[str] = ...) -> None: ...

class MsgLeaveResponse(_message.Message):
    __slots__ = ("release_epoch",)
    RELEASE_EPOCH_FIELD_NUMBER: _ClassVar[int]
    release_epoch: int
    def __init__(self, release_epoch: _Optional[int] = ...) -> None: ...

class MsgStake(_message.Message):
    __slots__ = ("host", "amount_ngonka")
    HOST_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_NGONKA_FIELD_NUMBER: _ClassVar[int]
    host: str
    amount_ngonka: int
    def __init__(self, host: _Optional[str] = ..., amount_ngonka: _Optional[int] = ...) -> None: ...

class MsgStakeResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class MsgUnstake(_message.Message):
    __slots__ = ("host", "amount_ngonka")
    HOST_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_NGONKA_FIELD_NUMBER: _ClassVar[int]
    host: str
    amount_ngonka: int
    def __init__(self, host: _Optional[str] = ..., amount_ngonka: _Optional[int] = ...) -> None: ...

class MsgUnstakeResponse(_message.Message):
    __slots__ = ("release_epoch",)
    RELEASE_EPOCH_FIELD_NUMBER: _ClassVar[int]
    release_epoch: int
    def __init__(self, release_epoch: _Optional[int] = ...) -> None: ...

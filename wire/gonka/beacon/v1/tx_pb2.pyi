from amino import amino_pb2 as _amino_pb2
from cosmos.msg.v1 import msg_pb2 as _msg_pb2
from wire.gonka.beacon.v1 import beacon_pb2 as _beacon_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class MsgCommitSeeds(_message.Message):
    __slots__ = ("host", "epoch", "sprint_commitment", "sample_commitment")
    HOST_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    SPRINT_COMMITMENT_FIELD_NUMBER: _ClassVar[int]
    SAMPLE_COMMITMENT_FIELD_NUMBER: _ClassVar[int]
    host: str
    epoch: int
    sprint_commitment: bytes
    sample_commitment: bytes
    def __init__(self, host: _Optional[str] = ..., epoch: _Optional[int] = ..., sprint_commitment: _Optional[bytes] = ..., sample_commitment: _Optional[bytes] = ...) -> None: ...

class MsgCommitSeedsResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class MsgRevealSeed(_message.Message):
    __slots__ = ("host", "epoch", "round", "secret")
    HOST_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    ROUND_FIELD_NUMBER: _ClassVar[int]
    SECRET_FIELD_NUMBER: _ClassVar[int]
    host: str
    epoch: int
    round: _beacon_pb2.Round
    secret: bytes
    def __init__(self, host: _Optional[str] = ..., epoch: _Optional[int] = ..., round: _Optional[_Union[_beacon_pb2.Round, str]] = ..., secret: _Optional[bytes] = ...) -> None: ...

class MsgRevealSeedResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class MsgSetBeaconKey(_message.Message):
    __slots__ = ("host", "beacon_key", "proof")
    HOST_FIELD_NUMBER: _ClassVar[int]
    BEACON_KEY_FIELD_NUMBER: _ClassVar[int]
    PROOF_FIELD_NUMBER: _ClassVar[int]
    host: str
    beacon_key: bytes
    proof: bytes
    def __init__(self, host: _Optional[str] = ..., beacon_key: _Optional[bytes] = ..., proof: _Optional[bytes] = ...) -> None: ...

class MsgSetBeaconKeyResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class MsgDeal(_message.Message):
    __slots__ = ("host", "epoch", "commitments", "proof", "ephemeral_key", "shares")
    HOST_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    COMMITMENTS_FIELD_NUMBER: _ClassVar[int]
    PROOF_FIELD_NUMBER: _ClassVar[int]
    EPHEMERAL_KEY_FIELD_NUMBER: _ClassVar[int]
    SHARES_FIELD_NUMBER: _ClassVar[int]
    host: str
    epoch: int
    commitments: bytes
    proof: bytes
    ephemeral_key: bytes
    shares: bytes
    def __init__(self, host: _Optional[str] = ..., epoch: _Optional[int] = ..., commitments: _Optional[bytes] = ..., proof: _Optional[bytes] = ..., ephemeral_key: _Optional[bytes] = ..., shares: _Optional[bytes] = ...) -> None: ...

class MsgDealResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class MsgComplain(_message.Message):
    __slots__ = ("host", "epoch", "dealer", "shared_key", "proof")
    HOST_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    DEALER_FIELD_NUMBER: _ClassVar[int]
    SHARED_KEY_FIELD_NUMBER: _ClassVar[int]
    PROOF_FIELD_NUMBER: _ClassVar[int]
    host: str
    epoch: int
    dealer: str
    shared_key: bytes
    proof: bytes
    def __init__(self, host: _Optional[str] = ..., epoch: _Optional[int] = ..., dealer: _Optional[str] = ..., shared_key: _Optional[bytes] = ..., proof: _Optional[bytes] = ...) -> None: ...

class MsgComplainResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

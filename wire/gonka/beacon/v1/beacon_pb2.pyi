from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Kind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    KIND_UNSPECIFIED: _ClassVar[Kind]
    KIND_COMMIT_REVEAL: _ClassVar[Kind]
    KIND_THRESHOLD_BLS: _ClassVar[Kind]

class Round(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ROUND_SPRINT: _ClassVar[Round]
    ROUND_SAMPLE: _ClassVar[Round]
KIND_UNSPECIFIED: Kind
KIND_COMMIT_REVEAL: Kind
KIND_THRESHOLD_BLS: Kind
ROUND_SPRINT: Round
ROUND_SAMPLE: Round

class Commitment(_message.Message):
    __slots__ = ("host", "sprint_commitment", "sample_commitment", "sprint_secret", "sample_secret", "burned_ngonka")
    HOST_FIELD_NUMBER: _ClassVar[int]
    SPRINT_COMMITMENT_FIELD_NUMBER: _ClassVar[int]
    SAMPLE_COMMITMENT_FIELD_NUMBER: _ClassVar[int]
    SPRINT_SECRET_FIELD_NUMBER: _ClassVar[int]
    SAMPLE_SECRET_FIELD_NUMBER: _ClassVar[int]
    BURNED_NGONKA_FIELD_NUMBER: _ClassVar[int]
    host: str
    sprint_commitment: bytes
    sample_commitment: bytes
    sprint_secret: bytes
    sample_secret: bytes
    burned_ngonka: int
    def __init__(self, host: _Optional[str] = ..., sprint_commitment: _Optional[bytes] = ..., sample_commitment: _Optional[bytes] = ..., sprint_secret: _Optional[bytes] = ..., sample_secret: _Optional[bytes] = ..., burned_ngonka: _Optional[int] = ...) -> None: ...

class Params(_message.Message):
    __slots__ = ("kind", "reveal_blocks", "max_committers", "seed_bond_ngonka")
    KIND_FIELD_NUMBER: _ClassVar[int]
    REVEAL_BLOCKS_FIELD_NUMBER: _ClassVar[int]
    MAX_COMMITTERS_FIELD_NUMBER: _ClassVar[int]
    SEED_BOND_NGONKA_FIELD_NUMBER: _ClassVar[int]
    kind: Kind
    reveal_blocks: int
    max_committers: int
    seed_bond_ngonka: int
    def __init__(self, kind: _Optional[_Union[Kind, str]] = ..., reveal_blocks: _Optional[int] = ..., max_committers: _Optional[int] = ..., seed_bond_ngonka: _Optional[int] = ...) -> None: ...

from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

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

class Member(_message.Message):
    __slots__ = ("host", "consensus_pubkey", "beacon_key", "first_slot", "slots")
    HOST_FIELD_NUMBER: _ClassVar[int]
    CONSENSUS_PUBKEY_FIELD_NUMBER: _ClassVar[int]
    BEACON_KEY_FIELD_NUMBER: _ClassVar[int]
    FIRST_SLOT_FIELD_NUMBER: _ClassVar[int]
    SLOTS_FIELD_NUMBER: _ClassVar[int]
    host: str
    consensus_pubkey: bytes
    beacon_key: bytes
    first_slot: int
    slots: int
    def __init__(self, host: _Optional[str] = ..., consensus_pubkey: _Optional[bytes] = ..., beacon_key: _Optional[bytes] = ..., first_slot: _Optional[int] = ..., slots: _Optional[int] = ...) -> None: ...

class Group(_message.Message):
    __slots__ = ("epoch", "members", "public_key", "dealers", "sprint_signature", "sample_signature", "slot_keys")
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    MEMBERS_FIELD_NUMBER: _ClassVar[int]
    PUBLIC_KEY_FIELD_NUMBER: _ClassVar[int]
    DEALERS_FIELD_NUMBER: _ClassVar[int]
    SPRINT_SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    SAMPLE_SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    SLOT_KEYS_FIELD_NUMBER: _ClassVar[int]
    epoch: int
    members: _containers.RepeatedCompositeFieldContainer[Member]
    public_key: bytes
    dealers: _containers.RepeatedScalarFieldContainer[str]
    sprint_signature: bytes
    sample_signature: bytes
    slot_keys: bytes
    def __init__(self, epoch: _Optional[int] = ..., members: _Optional[_Iterable[_Union[Member, _Mapping]]] = ..., public_key: _Optional[bytes] = ..., dealers: _Optional[_Iterable[str]] = ..., sprint_signature: _Optional[bytes] = ..., sample_signature: _Optional[bytes] = ..., slot_keys: _Optional[bytes] = ...) -> None: ...

class Deal(_message.Message):
    __slots__ = ("dealer", "commitments", "proof", "ephemeral_key", "shares", "accused_by")
    DEALER_FIELD_NUMBER: _ClassVar[int]
    COMMITMENTS_FIELD_NUMBER: _ClassVar[int]
    PROOF_FIELD_NUMBER: _ClassVar[int]
    EPHEMERAL_KEY_FIELD_NUMBER: _ClassVar[int]
    SHARES_FIELD_NUMBER: _ClassVar[int]
    ACCUSED_BY_FIELD_NUMBER: _ClassVar[int]
    dealer: str
    commitments: bytes
    proof: bytes
    ephemeral_key: bytes
    shares: bytes
    accused_by: str
    def __init__(self, dealer: _Optional[str] = ..., commitments: _Optional[bytes] = ..., proof: _Optional[bytes] = ..., ephemeral_key: _Optional[bytes] = ..., shares: _Optional[bytes] = ..., accused_by: _Optional[str] = ...) -> None: ...
